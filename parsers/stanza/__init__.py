"""Text to dependency trees with Stanza."""
