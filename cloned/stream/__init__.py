"""The piece stream, pure: frames, sender, receiver, pacing; what server and laptop share."""
