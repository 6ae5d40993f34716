"""The units under a real systemd: PID 1 of a throw-away box, whose root is this machine's with an overlay."""
