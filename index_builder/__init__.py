"""Turns images and captions into embeddings and FAISS indexes; resumable at any point."""
