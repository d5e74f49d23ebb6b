import Base

/// Our own subscription at one modern worker, for all of its clients together: what changes it tells to nobody else. What it covers
/// cannot be altered, so a new one is opened for that, and the old one is cancelled when the new one is acknowledged.
///
///     nothing ──`next`──▶ asked ──acknowledged──▶ open ──`next`, something else is wanted──▶ open and asked ──▶ open
///     asked, open ──ended──▶ paused ──`next` after that──▶ asked, under a new id
///     asked ──refused `refusalsMax` times in a row──▶ givenUp, until a resource is wanted
///
/// Pure: `now` comes in. Asking too early or too often is harmless.
struct ChangesListen: Equatable, Sendable {
    /// What one request asked for. Ids are never used twice on a channel.
    struct Filter: Equatable, Sendable {
        let number: UInt64
        let lists: ListKinds
        var resources: [SubscriptionKey]
    }

    /// What has to be done now.
    enum Step: Equatable, Sendable {
        case nothing
        case ask(Filter)
        /// Nothing is wanted any more: what is open is cancelled, and these resources are left.
        case end(UInt64?, left: [SubscriptionKey])
    }

    struct Acknowledged: Equatable, Sendable {
        /// To be cancelled.
        let old: UInt64?
        /// Nobody listened for a while.
        let hasMissed: Bool
        /// Resources that the worker has now been asked for, or that it is not asked for any more.
        let subscribed: [SubscriptionKey]
        let left: [SubscriptionKey]
        /// The other resources of the filter.
        let kept: [SubscriptionKey]
    }

    struct Ended: Equatable, Sendable {
        let refused: [SubscriptionKey]
        let left: [SubscriptionKey]
        let isGivenUp: Bool
    }

    private enum Pause: Equatable, Sendable {
        case none
        case until(Instant)
        case givenUp
    }

    /// Acknowledged.
    private(set) var open: Filter?
    private(set) var asked: Filter?
    /// Of the latest request.
    private(set) var number: UInt64 = 0
    private var hasBegun = false
    private var lists: ListKinds = []
    /// Bound: `limits.subscriptionsPerServer`.
    private var wanted: [SubscriptionKey] = []
    /// Told by `want` or `unwant`, and not answered to whoever did.
    private var unanswered: [SubscriptionKey] = []
    private var hasMissed = false
    private var openSince = Instant(nanoseconds: 0)
    private var askedUntil = Instant(nanoseconds: 0)
    private var pause = Pause.none
    private var delay = ChangesListen.delayMin
    private var refusals = 0

    private static let delayMin = Interval.milliseconds(500)
    private static let delayMax = Interval.seconds(60)
    private static let refusalsMax = 5
    /// How long an acknowledgement is waited for.
    static let patience = Interval.seconds(10)

    // MARK: What is wanted

    /// The worker is ready. `lists` are those whose changes it announces.
    mutating func begin(_ lists: ListKinds) {
        self.hasBegun = true
        self.lists = lists
    }

    mutating func want(_ resource: SubscriptionKey) {
        self.wanted.append(resource)
        self.unanswered.append(resource)
        if self.pause == .givenUp { self.pause = .none }
    }

    mutating func unwant(_ resource: SubscriptionKey) {
        self.wanted.removeAll { $0 == resource }
        self.unanswered.append(resource)
    }

    /// The worker did not take this resource of what it acknowledged.
    mutating func refused(_ resource: SubscriptionKey) {
        self.wanted.removeAll { $0 == resource }
        self.open?.resources.removeAll { $0 == resource }
    }

    // MARK: Steps

    /// To be called when anything has changed, and at `wakeAt`.
    mutating func next(at now: Instant) -> Step {
        guard self.hasBegun, self.asked == nil else { return .nothing }
        if self.lists.isEmpty && self.wanted.isEmpty {
            guard self.open != nil || !self.unanswered.isEmpty else { return .nothing }
            let left = self.unanswered
            let number = self.open?.number
            self.unanswered = []
            self.open = nil
            return .end(number, left: left)
        }
        if let open, open.lists == self.lists, open.resources == self.wanted { return .nothing }
        switch self.pause {
        case .givenUp: return .nothing
        case .until(let then) where then > now: return .nothing
        case .until, .none: self.pause = .none
        }
        self.number += 1
        let filter = Filter(number: self.number, lists: self.lists, resources: self.wanted)
        self.asked = filter
        self.askedUntil = now + Self.patience
        return .ask(filter)
    }

    /// When to look again, though nothing happens.
    var wakeAt: Instant? {
        if self.asked != nil { return self.askedUntil }
        if case .until(let then) = self.pause { return then }
        return nil
    }

    /// The request that has waited long enough for its acknowledgement.
    func overdue(at now: Instant) -> UInt64? { self.askedUntil <= now ? self.asked?.number : nil }

    /// Nil when nothing of that number waits for it.
    mutating func acknowledged(_ number: UInt64, at now: Instant) -> Acknowledged? {
        guard let filter = self.asked, filter.number == number else { return nil }
        let old = self.open?.number
        let hasMissed = self.hasMissed
        self.asked = nil
        self.open = filter
        self.openSince = now
        self.hasMissed = false
        self.pause = .none
        self.refusals = 0
        let wanted = Set(self.wanted), covered = Set(filter.resources), told = Set(self.unanswered)
        // What has been told since the request was written is for the next one.
        let subscribed = self.unanswered.filter { wanted.contains($0) && covered.contains($0) }
        let left = self.unanswered.filter { !wanted.contains($0) && !covered.contains($0) }
        self.unanswered.removeAll { wanted.contains($0) == covered.contains($0) }
        return Acknowledged(
            old: old, hasMissed: hasMissed, subscribed: subscribed, left: left,
            kept: filter.resources.filter { !told.contains($0) })
    }

    /// The worker ended it, or did not begin it. Nil when that is known or was ours to do.
    mutating func ended(_ number: UInt64, at now: Instant) -> Ended? {
        if self.open?.number == number {
            self.open = nil
            self.hasMissed = true
            if self.openSince + Self.delayMax <= now { self.delay = Self.delayMin }
            self.rest(at: now)
            return Ended(refused: [], left: [], isGivenUp: false)
        }
        guard let filter = self.asked, filter.number == number else { return nil }
        self.asked = nil
        let wanted = Set(self.wanted), covered = Set(filter.resources)
        let refused = self.unanswered.filter { wanted.contains($0) && covered.contains($0) }
        let left = self.unanswered.filter { !wanted.contains($0) }
        let gone = Set(refused).union(left)
        self.wanted.removeAll { gone.contains($0) }
        self.unanswered.removeAll { gone.contains($0) }
        // What is open covers the rest: only the addition was refused.
        if self.open != nil, !refused.isEmpty { return Ended(refused: refused, left: left, isGivenUp: false) }
        self.refusals += 1
        if self.refusals < Self.refusalsMax { self.rest(at: now) } else { self.pause = .givenUp }
        return Ended(refused: refused, left: left, isGivenUp: self.pause == .givenUp)
    }

    private mutating func rest(at now: Instant) {
        self.pause = .until(now + self.delay)
        self.delay = Swift.min(self.delay * 2, Self.delayMax)
    }

    // MARK: Ids

    /// Appends the id of a request, a string: the ids of calls are integers.
    static func appendID(_ number: UInt64, to output: inout [UInt8]) {
        output.append(#""changes-"#)
        output.append(decimal: number)
        output.append(0x22)
    }

    /// The number of the request whose id this is, raw JSON. Nil when there was no such request.
    func number(_ id: Span<UInt8>) -> UInt64? {
        let start = 9  // The quote and `changes-`.
        guard id.count > start + 1, id.count <= start + 20, id.extracting(0..<start).equals(#""changes-"#),
            id[id.count - 1] == 0x22
        else { return nil }
        var number: UInt64 = 0
        for index in start..<(id.count - 1) {
            guard (0x30...0x39).contains(id[index]), !(number == 0 && id[index] == 0x30) else { return nil }
            number = number * 10 + UInt64(id[index] - 0x30)
        }
        return number <= self.number ? number : nil
    }
}
