"""Time: when to ask, what to send, when to hold."""
