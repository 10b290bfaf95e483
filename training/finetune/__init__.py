"""A CLIP of one's own made safe in one sitting: `safeclip-train finetune`."""
