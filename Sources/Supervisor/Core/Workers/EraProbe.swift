import Base
public import MCP

/// Finds out in which era a third-party server is to be spoken to, and when what was found out must not be believed any more.
///
///     unknown ──probeStarted──▶ probing ──a reaction──▶ known
///     known ──refuted, once between two handshakes, or expired──▶ unknown
///     known ──confirmed──▶ known, from now on for `keep`
///
/// The question is `server/discover`, on a process that serves nobody: some servers end at a request before `initialize`, and some
/// never answer it. Only a discovery result that names a revision of the modern era, or error -32022 that names what is supported,
/// shows a modern server; any other answer, the end of the process and silence show a legacy one.
///
/// Pure: reads no clock. `wallSeconds` comes in because what was found out outlives the supervisor.
struct EraProbe: Equatable, Sendable {
    enum State: Equatable, Sendable {
        case unknown
        /// Asked. `asked` counts the questions to this process, `hasSpoken` whether it ever wrote anything.
        case probing(startedAt: Instant, deadline: Instant, hasSpoken: Bool, asked: Int)
        case known(Revision.Era, Source)
    }

    /// How far a verdict is believed.
    enum Source: Equatable, Sendable {
        /// By configuration, or it is our own worker: never doubted.
        case configured
        /// From the disk; good until then, in seconds since 1970.
        case remembered(until: Int64)
        /// By a reaction; no handshake has shown it right yet.
        case probed
        /// By a handshake; good until then.
        case confirmed(until: Int64)
    }

    /// What the server did about the question.
    enum Reaction: Equatable, Sendable {
        /// A discovery result with a revision of the modern era that we speak.
        case discovered
        /// Error -32022 with the revisions that it supports.
        case unsupported(Supported)
        /// Any other answer.
        case refused
        case ended
        case silent
    }

    /// What error -32022 lists.
    enum Supported: Equatable, Sendable {
        /// The very revision that was asked for: asking again may help.
        case ours
        /// Only revisions that begin with `initialize`.
        case legacyOnly
        /// None that we know.
        case unknown
    }

    enum OnReaction: Equatable, Sendable {
        case askAgain
        /// The process has answered the handshake of its era and can serve.
        case adopt
        /// The process is to be ended, and another one started in this era.
        case replace(Revision.Era)
    }

    enum OnRefuted: Equatable, Sendable {
        /// Forget the verdict and probe.
        case probeAgain
        case believe
    }

    enum OnConfirmed: Equatable, Sendable {
        case remember(Revision.Era)
        case none
    }

    private(set) var state: State
    /// A verdict was found wrong since the last handshake. Twice would go on for ever.
    private var hasRefuted = false
    private let limits: Limits

    struct Limits: Equatable, Sendable {
        /// From the start to the verdict, for a server that says nothing. Slow starters download themselves first.
        var silence = Interval.seconds(10)
        /// From the first byte that it writes, if that is later: it is up by then.
        var afterFirstByte = Interval.seconds(3)
        /// Questions to one process.
        let asksMax = 2

        /// Clients wait for probe and start together as long as for a start.
        init(startTimeout: Interval) {
            self.silence = Swift.min(self.silence, startTimeout / 2)
            self.afterFirstByte = Swift.min(self.afterFirstByte, self.silence)
        }
    }

    /// `known`: what the configuration says; nil: to be found out.
    init(configured known: Revision.Era?, limits: Limits) {
        self.state = known.map { .known($0, .configured) } ?? .unknown
        self.limits = limits
    }

    /// What was found out by an earlier supervisor.
    mutating func remembered(_ era: Revision.Era, until: Int64) {
        guard self.state == .unknown else { return }
        self.state = .known(era, .remembered(until: until))
    }

    /// Nil while it is not known.
    var era: Revision.Era? {
        switch self.state {
        case .known(let era, _): era
        case .unknown, .probing: nil
        }
    }

    /// For another server of the same program: what is known, but nothing of a probe that runs.
    var copy: EraProbe {
        var copy = self
        copy.abandoned()
        return copy
    }

    // MARK: Events

    /// A process is about to be started. Whether it is a probe.
    mutating func processStarting(wallSeconds: Int64) -> Bool {
        switch self.state {
        case .unknown, .probing: return true
        case .known(_, .remembered(let until)), .known(_, .confirmed(let until)):
            guard until <= wallSeconds else { return false }
            self.state = .unknown
            return true
        case .known(_, .configured), .known(_, .probed): return false
        }
    }

    /// The question is on its way. Returns until when an answer is waited for.
    mutating func asked(at now: Instant) -> Instant {
        let deadline = now + self.limits.silence
        switch self.state {
        case .unknown: self.state = .probing(startedAt: now, deadline: deadline, hasSpoken: false, asked: 1)
        case .probing(let startedAt, _, let hasSpoken, let asked):
            self.state = .probing(startedAt: startedAt, deadline: deadline, hasSpoken: hasSpoken, asked: asked + 1)
        case .known: preconditionFailure("a question whose answer is known")
        }
        return deadline
    }

    /// The process wrote something, whatever it was. Returns a later deadline, if that gives it one.
    mutating func spoke(at now: Instant) -> Instant? {
        guard case .probing(let startedAt, let deadline, false, let asked) = self.state else { return nil }
        let later = Swift.max(deadline, now + self.limits.afterFirstByte)
        self.state = .probing(startedAt: startedAt, deadline: later, hasSpoken: true, asked: asked)
        return later == deadline ? nil : later
    }

    mutating func reacted(_ reaction: Reaction) -> OnReaction {
        guard case .probing(_, _, _, let asked) = self.state else {
            preconditionFailure("a reaction in \(self.state), but nothing was asked")
        }
        switch reaction {
        case .discovered:
            self.state = .known(.modern, .probed)
            return .adopt
        case .unsupported(.ours) where asked < self.limits.asksMax:
            return .askAgain
        case .unsupported(.ours), .unsupported(.unknown):
            self.state = .known(.modern, .probed)
            return .replace(.modern)
        case .unsupported(.legacyOnly), .refused, .ended, .silent:
            self.state = .known(.legacy, .probed)
            return .replace(.legacy)
        }
    }

    /// The process that was asked could not be started, or was ended for another reason: nothing is known.
    mutating func abandoned() {
        guard case .probing = self.state else { return }
        self.state = .unknown
    }

    /// A worker refused the handshake of its era (`hasAnswered`), or ended or hung in it. Of the latter only an old verdict is to
    /// blame: what a fresh one was drawn from was no better.
    mutating func refuted(hasAnswered: Bool) -> OnRefuted {
        guard case .known(_, let source) = self.state, !self.hasRefuted else { return .believe }
        switch source {
        case .configured: return .believe
        case .probed where !hasAnswered: return .believe
        case .probed, .remembered, .confirmed:
            self.hasRefuted = true
            self.state = .unknown
            return .probeAgain
        }
    }

    /// The server failed for so long that it was left alone. What refuted a verdict then may be over.
    mutating func anotherChance() { self.hasRefuted = false }

    /// A handshake succeeded. `until` is when its verdict expires.
    mutating func confirmed(until: Int64) -> OnConfirmed {
        self.hasRefuted = false
        guard case .known(let era, let source) = self.state else { return .none }
        switch source {
        case .configured, .confirmed, .remembered: return .none
        case .probed:
            self.state = .known(era, .confirmed(until: until))
            return .remember(era)
        }
    }
}

/// What is known of a server's era from an earlier supervisor.
public struct RememberedEra: Equatable, Sendable {
    public let era: Revision.Era
    /// Seconds since 1970.
    public let until: Int64

    public init(era: Revision.Era, until: Int64) {
        self.era = era
        self.until = until
    }
}
