"""The webhook sender: finds out whom an event is for, and delivers it. Any number of processes may do so at once."""
