import Base

/// The connections that must prove a key and have not yet, and whether one more of them is taken (after OpenSSH's MaxStartups).
///
/// Up to `start` of them everybody is taken. From there on each new one is dropped by chance, first in `dropPercent` of all cases,
/// then more often the more there are, and from `full` on always. So whoever opens connections and says nothing does not fill the
/// table, and somebody with a key gets in by trying again.
///
/// Listeners that ask for no key have no such connections: there, nobody could ever stop being one.
struct Newcomers: Equatable, Sendable {
    private let limits: NewcomerLimits
    /// Open, and not one valid key on any of their requests.
    private(set) var count = 0
    /// Dropped since the start.
    private(set) var dropped = 0

    init(limits: NewcomerLimits) { self.limits = limits }

    /// Whether connections are being dropped. Then nobody who has shown no key keeps a connection beyond its first answer.
    var areCrowded: Bool { self.count >= self.limits.start }

    /// Counts a new connection, or says that it is to be dropped.
    mutating func admit(_ chance: inout PRNG) -> Bool {
        if self.areCrowded, chance.chance(self.dropPercent, in: 100) {
            self.dropped += 1
            return false
        }
        self.count += 1
        return true
    }

    /// One of those counted has shown a valid key, or has ended.
    mutating func leave() { self.count = Swift.max(0, self.count - 1) }

    /// Grows evenly from `dropPercent` at `start` to 100 at `full`.
    private var dropPercent: Int {
        guard self.count < self.limits.full else { return 100 }
        let steps = self.limits.full - self.limits.start
        return self.limits.dropPercent + (100 - self.limits.dropPercent) * (self.count - self.limits.start) / steps
    }
}
