import Base
import MCP
import Wire

/// One worker process, from the decision to start it until it has been reaped and its channel has been read to the end.
///
///     starting ──spawned──▶ handshaking ──answer──▶ ready ──drain──▶ stopping ──▶ gone
///        └──spawned──▶ probing ──a modern answer──▶ ready
///                         └──any other reaction──▶ stopping, for another to take its place
///        └── any of them ──exited and output ended──▶ gone
struct Worker {
    enum State: Equatable {
        /// The driver has been asked to spawn it.
        case starting
        /// Its era is not known. It has been asked, and whatever it does about that tells.
        case probing
        /// Its first request is written; nothing else is before the answer.
        case handshaking
        case ready
        /// Its input is closed or about to be. The step says what comes when its deadline passes.
        case stopping(StopStep)
    }

    enum StopStep: Equatable {
        /// End of input is sent; a well-behaved server ends now.
        case inputClosed
        case terminated
        case killed
    }

    /// What its end means.
    enum Role: Equatable {
        case serving
        /// It was started to see how it reacts, see `EraProbe`.
        case probe
        /// It is not needed any more: when it has ended, the next one is started at once.
        case discarded
    }

    let server: Int
    var state: State = .starting
    var role: Role
    /// The changes of a modern worker, which tells them only to a subscription of ours.
    var changes = ChangesListen()
    var splitter: LineSplitter
    /// Bytes for the worker's stdin that the kernel has not taken; those before `outputSent` are gone.
    var output: [UInt8] = []
    var outputSent = 0
    /// Bytes ever queued and ever taken: what was delivered to a dead worker is known exactly.
    var queuedTotal = 0
    var sentTotal = 0
    var isDirty = false
    /// Calls dispatched and not answered.
    var inFlight = 0
    /// Those of them in the middle of which it may ask for input.
    var askableInFlight = 0
    /// It is stopped because nobody has needed it for a while.
    var isRetiring = false
    /// Calls taken back from it that it has not answered: it may still write about them. Most servers answer a cancelled call never,
    /// so each is only reckoned with for `afterglow` and until the next answer to another. Bound: `withdrawnMax`; a further one
    /// takes the place of the last.
    var withdrawn: [(call: CallKey, until: Instant, answers: Int)] = []
    /// Calls that it answered.
    var answers = 0
    /// A worker that never answered a call weighs double for the restart policy.
    var hasServed: Bool { self.answers > 0 }
    /// Its stdout ended; answers already in the pipe when it died have been read.
    var outputEnded = false
    var exit: WorkerExit?
    var processID: Int32 = 0
    let startedAt: Instant
    var readyAt: Instant?
    /// Handshake or stop step.
    var deadline: Instant
    /// Whose calls it has had.
    var clientele = Clientele.nobody
    /// Requests of ours that it has not answered, oldest first. Bound: two for each subscription that its server may have, and one more.
    var ownRequests: [OwnRequest] = []
    /// Answers it may still give although nobody waits for them: to calls taken back, to changes of the log level.
    var answersOwed = 0
    /// Answers beyond those: invented, or given twice.
    var strayAnswers = 0
    /// Lines that were no message, answers to no call: counted, logged now and then.
    var strayLines = 0

    /// Who can be behind a line that names no call. It may be about a call that ended long ago.
    enum Clientele: Equatable {
        case nobody
        case one(Principal)
        case several

        mutating func add(_ principal: Principal) {
            switch self {
            case .nobody: self = .one(principal)
            case .one(let known) where known != principal: self = .several
            case .one, .several: break
            }
        }
    }

    private static let withdrawnMax = 64
    /// How long a server may still be busy with a call after it was told to stop.
    static let afterglow = Interval.seconds(5)

    /// Answers to nothing after which it is replaced. One now and then is a slip; a worker that goes on is broken, or tries to find
    /// out the ids of others' calls.
    static let strayAnswersMax = 100

    /// How long one that serves nobody may take for a step of its end: somebody may wait for its successor.
    static let discardedGrace = Interval.milliseconds(500)

    /// An answer came that nobody waits for. True: it is one too many.
    mutating func answeredNobody() -> Bool {
        guard self.answersOwed == 0 else {
            self.answersOwed -= 1
            return false
        }
        self.strayAnswers += 1
        return self.strayAnswers == Self.strayAnswersMax
    }

    /// A call was cancelled or abandoned while it ran.
    mutating func withdraw(_ call: CallKey, at now: Instant) {
        self.answersOwed += 1
        if self.withdrawn.count == Self.withdrawnMax { self.withdrawn.removeLast() }
        self.withdrawn.append((call, now + Self.afterglow, self.answers))
    }

    /// A call that was taken back has been answered after all.
    mutating func answeredLate(_ call: CallKey) { self.withdrawn.removeAll { $0.call == call } }

    /// Whether a line that names no call may be about one that was taken back.
    mutating func mayWriteAboutWithdrawnCall(at now: Instant) -> Bool {
        self.withdrawn.removeAll { $0.until <= now && $0.answers < self.answers }
        return !self.withdrawn.isEmpty
    }

    var unsentBytes: Int { self.output.count - self.outputSent }

    /// Drops what is gone once that is most of the buffer: a worker that is never quite up to date must not make it grow.
    mutating func compactOutput() {
        guard self.outputSent >= 64 << 10, self.outputSent >= self.unsentBytes else { return }
        self.output.removeSubrange(0..<self.outputSent)
        self.outputSent = 0
    }

    func withUnsentOutput<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        body(self.output.span.extracting(self.outputSent..<self.output.count))
    }
}
