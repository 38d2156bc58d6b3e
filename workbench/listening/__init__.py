"""What everything that listens needs: a loopback socket, tokens, who may come in, how often."""
