"""Questions about open-world scenes and their true answers: what the zoo's LLaVA learns from."""
