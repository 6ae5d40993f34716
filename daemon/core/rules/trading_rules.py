"""The rules of decisions: the configuration, the live probe's results, and the end of a former owner's lease."""

import msgspec

from daemon.config.probe_results import LAGS, UNSETTLED, ProbeResults
from daemon.config.tables import Config


class Rules(msgspec.Struct, frozen=True):
    """The rules of every decision. A reload replaces them; they apply from the next decision on."""

    config: Config = Config()
    probed: ProbeResults = UNSETTLED
    former_until_ms: int = 0  # until when requests of the former owner may be admitted, by our clock; 0: there is none

    @property
    def grace_ms(self) -> int:
        """Milliseconds after recvWindow from which "not found" counts: as configured, or longer if lookups lag."""
        return max(self.config.reconcile.grace_ms, (self.probed.lookup_lag_ms or 0) * LAGS)

    @property
    def shows_ended(self) -> bool:
        """Whether an ended order can be looked up by its client order id; unless the probe found that it cannot."""
        return self.probed.ended_shown_by_id is not False
