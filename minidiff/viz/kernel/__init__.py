"""What only a kernel can do: boxes of ipywidgets for which Python computes as they are moved."""
