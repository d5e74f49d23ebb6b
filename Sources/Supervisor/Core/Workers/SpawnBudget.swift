import Base

/// How many processes may be started: a token bucket over all servers, so that many failing ones together are no storm either.
///
/// Kept as one instant: when the bucket would be full again (generic cell rate algorithm). Pure: `now` comes in.
struct SpawnBudget: Equatable, Sendable {
    /// Time in which one token comes back.
    private let period: Interval
    /// How far the bucket may be from full and still hold a token.
    private let tolerance: Interval
    private var fullAt: Instant

    /// Starts full.
    init(limits: SpawnLimits, now: Instant) {
        precondition(limits.perSecond > 0 && limits.burst > 0, "a spawn budget that never allows a spawn")
        self.period = Interval.seconds(1) / Int64(limits.perSecond)
        self.tolerance = self.period * Int64(limits.burst - 1)
        self.fullAt = now
    }

    /// Takes a token, or says that there is none.
    mutating func take(at now: Instant) -> Bool {
        guard self.fullAt <= now + self.tolerance else { return false }
        self.fullAt = Swift.max(self.fullAt, now) + self.period
        return true
    }

    /// When the next token can be taken; `now` while there is one.
    func nextToken(at now: Instant) -> Instant {
        self.fullAt <= now + self.tolerance ? now : self.fullAt - self.tolerance
    }
}

extension Instant {
    fileprivate static func - (lhs: Self, rhs: Interval) -> Self { Self(nanoseconds: lhs.nanoseconds - rhs.nanoseconds) }
}
