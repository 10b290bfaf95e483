"""Pictures and captions → embeddings → FAISS indexes, resumable at any point."""
