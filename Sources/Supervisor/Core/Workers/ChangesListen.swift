import Base

/// Our own subscription to the list changes of one modern worker, for all of its clients together: it tells them to nobody else.
///
///     none ──ready──▶ asked ──acknowledged──▶ open
///     asked, open ──ended──▶ waiting ──timerFired──▶ asked, under a new id
///     asked ──refused `refusalsMax` times in a row──▶ givenUp
///
/// Pure: `now` comes in. A late or early timer call is harmless.
struct ChangesListen: Equatable, Sendable {
    enum State: Equatable, Sendable {
        case none
        case asked
        case open(since: Instant)
        /// The worker ended it, and is asked again then.
        case waiting(until: Instant)
        /// It announces changes, but does not let anybody listen.
        case givenUp
    }

    private(set) var state: State = .none
    /// Of the latest request. Ids are never used twice on a channel.
    private(set) var number: UInt64 = 0
    private var delay = ChangesListen.delayMin
    private var refusals = 0

    private static let delayMin = Interval.milliseconds(500)
    private static let delayMax = Interval.seconds(60)
    private static let refusalsMax = 5

    /// The worker is ready, or the wait is over. Whether it must be asked now.
    mutating func ask(at now: Instant) -> Bool {
        switch self.state {
        case .waiting(let until) where until > now: return false
        case .none, .waiting:
            self.number += 1
            self.state = .asked
            return true
        case .asked, .open, .givenUp: return false
        }
    }

    /// Whether changes may have been missed: it was open before.
    mutating func acknowledged(at now: Instant) -> Bool {
        guard self.state == .asked else { return false }
        self.state = .open(since: now)
        return self.number > 1
    }

    /// The worker ended it, or did not begin it. Returns when to ask again.
    mutating func ended(at now: Instant) -> Instant? {
        switch self.state {
        case .none, .waiting, .givenUp: return nil  // Expected: told twice, by a notification and by the result.
        case .asked:
            self.refusals += 1
            guard self.refusals < Self.refusalsMax else {
                self.state = .givenUp
                return nil
            }
        case .open(let since):
            self.refusals = 0
            if since + Self.delayMax <= now { self.delay = Self.delayMin }
        }
        let until = now + self.delay
        self.delay = Swift.min(self.delay * 2, Self.delayMax)
        self.state = .waiting(until: until)
        return until
    }

    /// Appends the id of the latest request, a string: the ids of calls are integers.
    func appendID(to output: inout [UInt8]) {
        output.append(#""changes-"#)
        output.append(decimal: self.number)
        output.append(0x22)
    }

    /// Whether `id`, raw JSON, is that of the latest request.
    func names(_ id: Span<UInt8>) -> Bool {
        guard self.number > 0 else { return false }
        var own: [UInt8] = []
        self.appendID(to: &own)
        return own.span.equals(id)
    }
}
