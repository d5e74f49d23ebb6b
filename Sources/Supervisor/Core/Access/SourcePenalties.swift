public import Base

/// What failed authentications cost their source, so that guessing keys is slow (after OpenSSH's PerSourcePenalties).
///
/// Each failure adds `perFailure` to what the source still owes. Once it owes `enforcedFrom` at a time, it is refused until all of
/// it has run down; before that, single mistakes cost nothing. Nobody owes more than `max`.
///
/// The table never holds more than `sourcesMax` sources: a new one takes the place of the one whose debt ends first, so a flood of
/// addresses cannot drive out the worst of them.
public struct SourcePenalties<Source: Hashable & Sendable>: Sendable {
    private struct Record: Sendable {
        /// When nothing is owed any more.
        var until: Instant
        var isEnforced: Bool
    }

    private let limits: PenaltyLimits
    private var records: [Source: Record] = [:]
    /// One entry for each record, at its `until` or earlier.
    private var ends = DeadlineHeap<Source>()

    public init(limits: PenaltyLimits) { self.limits = limits }

    /// Sources remembered.
    public var count: Int { self.records.count }

    /// How long the source is still refused; nil when it is not.
    public func refusal(of source: Source, at now: Instant) -> Interval? {
        guard let record = self.records[source], record.isEnforced, record.until > now else { return nil }
        return record.until - now
    }

    /// A credential from this source opened nothing.
    public mutating func failed(_ source: Source, at now: Instant) {
        self.forgetPaid(at: now)
        let known = self.records[source]
        if known == nil { self.makeRoom() }
        let owed = Swift.min((known.map { $0.until - now } ?? .zero) + self.limits.perFailure, self.limits.max)
        let isEnforced = known?.isEnforced ?? false || owed >= self.limits.enforcedFrom
        let until = now + owed
        self.records[source] = Record(until: until, isEnforced: isEnforced)
        if known == nil { self.ends.add(source, at: until) }
    }

    private mutating func forgetPaid(at now: Instant) {
        while let source = self.ends.popDue(at: now) {  // Bound: the records.
            guard let record = self.records[source] else { continue }
            if record.until <= now {
                self.records[source] = nil
            } else {
                self.ends.add(source, at: record.until)
            }
        }
    }

    private mutating func makeRoom() {
        while self.records.count >= self.limits.sourcesMax {
            // Bound: an entry that is earlier than its record is put right once; the next one popped is the earliest of all.
            guard let next = self.ends.next, let source = self.ends.popDue(at: next) else { return }
            guard let record = self.records[source] else { continue }
            if record.until <= next {
                self.records[source] = nil
            } else {
                self.ends.add(source, at: record.until)
            }
        }
    }
}
