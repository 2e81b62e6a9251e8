"""An experiment's report: one page to read, and its tables and figures as files."""

from tasks.report.page import run_report, write_report

__all__ = ["run_report", "write_report"]
