"""The platform's client: AgentExchangeClient. Start reading at client.py."""

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
