"""What the server keeps of each visitor's session: as little as it needs."""

from typing import Any

from gradio.blocks import Blocks, BlocksConfig


class PageConfig(BlocksConfig):
    """The components and events of a page, of which a session keeps no description.

    Gradio describes every component anew for each session, a program's single call among them, and keeps with that the
    last values sent, for its deep links. This page has links of its own: it spares each newcomer 20 ms of the one
    thread that serves all, and the answers that thousands of sessions would keep.
    """

    @classmethod
    def of(cls, page: Blocks) -> "PageConfig":
        """The configuration of a page that is about to be built."""
        config = cls(page)
        vars(config).update(vars(page.default_config))
        return config

    def __copy__(self) -> BlocksConfig:  # Gradio copies it for a new session
        session = _SessionConfig(self.root_block)
        vars(session).update(vars(super().__copy__()))
        return session


class _SessionConfig(BlocksConfig):
    @staticmethod
    def config_for_block(*_: Any, **__: Any) -> dict[str, Any]:
        return {}
