"""What the controller and the gateway daemon say to each other."""
