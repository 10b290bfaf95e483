"""Toy recipes of everything that makes or judges pictures."""

VAE = """
seed = 1
steps = 7
batch_size = 4
crop = 32
whole_every = 3
learning_rate = 1e-3
warmup_steps = 2
decay_steps = 3
weight_decay = 0.01
gradient_weight = 1.0
kl_weight = 1e-4
ema = 0.9
checkpoint_every = 3
held_out = 3
model = { image_size = 64, channels = [8, 8, 8, 8], latent_channels = 4, norm_groups = 4 }
"""

DIFFUSION = """
seed = 2
clip = "{clip}"
vae = "{vae}"
scenes = 12
captions = 2
steps = 7
batch_size = 4
learning_rate = 1e-3
warmup_steps = 2
decay_steps = 3
weight_decay = 0.01
drop_captions = 0.3
snr_floor = 1.0
snr_ceiling = 5.0
ema = 0.9
checkpoint_every = 3
held_out = 5
sheet = 2
model = {{ channels = [8, 16], heads = 2, norm_groups = 4 }}
"""

JUDGE = """
seed = 3
steps = 7
batch_size = 4
learning_rate = 1e-3
warmup_steps = 2
decay_steps = 3
weight_decay = 0.05
patch_weight = 1.0
checkpoint_every = 3
watched = 4
held_out = 6
model = { image_size = 32, channels = [8, 8], blocks = [1, 1] }
"""
