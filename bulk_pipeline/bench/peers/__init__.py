"""Other ways of getting the same file into a database, timed like ours.

``PEERS`` lists them, ``measure_peer`` runs one in a process of its own.
"""

from bulk_pipeline.bench.peers.catalogue import PEERS, Peer
from bulk_pipeline.bench.peers.measuring import (
    PeerAbsent,
    PeerFailed,
    PeerFigures,
    measure_peer,
)

__all__ = ["PEERS", "Peer", "PeerAbsent", "PeerFailed", "PeerFigures", "measure_peer"]
