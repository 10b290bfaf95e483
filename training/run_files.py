"""Names in the folder of a run that several commands read."""

ADAPTER_FOLDER = "adapter"  # of the trained adapter
ADAPTER_CONFIG = "adapter_config.json"  # PEFT's, in that folder
