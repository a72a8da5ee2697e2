"""The families of backbones, one file each; importing one loads no heavy library."""
