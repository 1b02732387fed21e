"""The platform's client: AgentExchangeClient. Start reading at client.py."""

from typing import TYPE_CHECKING, Any

import training_client

from agentexchange.answers import (
    AggregateStats,
    Answer,
    ComparedRun,
    Comparison,
    CurvePoint,
    EpisodeMetrics,
    LearningCurve,
    TrainingEpisode,
    TrainingRun,
    TrainingRunDetail,
    TrainingRunList,
    TrainingRunPage,
)
from agentexchange.async_client import AsyncAgentExchangeClient
from agentexchange.client import AgentExchangeClient
from agentexchange.errors import (
    AgentExchangeError,
    AuthError,
    ConflictError,
    NotFoundError,
    RateLimitError,
    UnavailableError,
    ValidationError,
)
from agentexchange.exchange import Retries
from agentexchange.requests import (
    BatchedEpisode,
    CurveOptions,
    EpisodeReport,
    NewRun,
    RunFilter,
    RunId,
    Status,
)

if TYPE_CHECKING:
    from training_client import TrainingTracker as TrainingTracker
    from training_client import VectorTrainingTracker as VectorTrainingTracker
    from training_client import register_tracked as register_tracked

__all__ = [
    "AgentExchangeClient",
    "AgentExchangeError",
    "AggregateStats",
    "Answer",
    "AsyncAgentExchangeClient",
    "AuthError",
    "BatchedEpisode",
    "ComparedRun",
    "Comparison",
    "ConflictError",
    "CurveOptions",
    "CurvePoint",
    "EpisodeMetrics",
    "EpisodeReport",
    "LearningCurve",
    "NewRun",
    "NotFoundError",
    "RateLimitError",
    "Retries",
    "RunFilter",
    "RunId",
    "Status",
    "TrainingEpisode",
    "TrainingRun",
    "TrainingRunDetail",
    "TrainingRunList",
    "TrainingRunPage",
    "UnavailableError",
    "ValidationError",
]


def __getattr__(name: str) -> Any:
    """The trackers, which need Gymnasium, when they are asked for."""
    if name not in ("TrainingTracker", "VectorTrainingTracker", "register_tracked"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(training_client, name)
