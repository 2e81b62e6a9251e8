"""Many runs, planned from options and executed side by side."""
