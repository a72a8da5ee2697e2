"""One picture -> everything that is compared later, the same for whoever asks.

Recognising, enrolling singly and in bulk, the service, the classifier, evaluating and training all
go through here:

    ImageSource --prepare_query, prepare_example--> PreparedPicture --features--> Features

The first step is cheap in memory and runs in many threads (`work_ahead`); the second takes batches.
"""

from __future__ import annotations

from .ahead import work_ahead
from .embedder import BATCH_SIZE, CARD_BATCH_SIZE, Embedder
from .extractor import (
    FeatureExtractor,
    load_extractor,
    stored_local_features,
)
from .picture import Features, PictureFacts, PreparedPicture, embeddings_of
from .texts import text_example, words_of

__all__ = [
    "BATCH_SIZE",
    "CARD_BATCH_SIZE",
    "Embedder",
    "FeatureExtractor",
    "Features",
    "PictureFacts",
    "PreparedPicture",
    "embeddings_of",
    "load_extractor",
    "stored_local_features",
    "text_example",
    "words_of",
    "work_ahead",
]
