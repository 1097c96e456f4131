"""Papers: labels, hand-over sheets and lists, in the workshop's language; and what sends them to a printer."""
