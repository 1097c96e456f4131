"""Sends images: the piece stream, unicast, and classic udpcast sessions."""
