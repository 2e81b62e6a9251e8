"""Text to dependency trees through Stanza."""
