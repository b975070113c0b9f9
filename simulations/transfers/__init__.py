"""How the best step moves with the width: networks of several widths trained with a grid of steps."""
