"""What Ray runs elsewhere: inspect, build, analyse, reference."""
