"""Pure words shared by every service: no IO, no await, no clock of its own."""
