import Base
import MCP

/// What a call needs to know beyond itself because its server may ask for input in the middle of it. Only calls that can be asked
/// have one.
struct InputState {
    /// The request as it came: to be asked again with the answers, or to be recognised when the client brings it back. Empty when
    /// `digest` is kept in its place.
    var message: [UInt8] = []
    /// Of a modern client's request that is too long to be kept.
    var digest: RequestDigest?
    /// Rounds so far. Bound: `roundsMax` for a legacy client, the field in the state for a modern one.
    var round = 0
    /// Asks that the client has not answered. Bound: `InputRequired.questionsMax`.
    var asks: [AskKey] = []
    /// The answers of this round.
    var answers: [InputAnswers.Answer] = []
    /// The modern worker's state of this round, to be given back exactly.
    var requestState: [UInt8]?
    /// Since when the client has been thinking, which is no time of the worker's.
    var waitingSince: Instant?
    /// The worker hears now and then that its question has not been forgotten.
    var isKeptAlive = false
    /// How often it has heard it.
    var steps: UInt64 = 0

    // A modern client's call to a legacy worker:

    /// What the client sent without being asked in this call; matched by key when the worker asks.
    var earlyAnswers: [InputAnswers.Answer] = []
    /// What the worker waits for. Bound: `InputRequired.questionsMax`.
    var questions: [ParkedQuestion] = []
    /// When the client is told of the questions, once there is one.
    var parksAt: Instant?
    /// Names the call in the state that the client brings back. Nil before the first.
    var callID: RequestState.CallID?
    /// Whose it is, from the first time that it was parked.
    var principal: RequestDigest?
    /// Set while no client is there: the call waits for its return.
    var isParked = false
    /// The last word about the call that came while it was parked, as the line it was.
    var answer: [UInt8] = []

    struct ParkedQuestion {
        let key: [UInt8]
        let worker: WorkerKey
        /// Of the worker's request, raw JSON.
        let id: [UInt8]
        let request: InputRequest
        /// The length of the question as it came.
        let byteCount: Int
    }

    /// Nobody's time but the client's passes: the worker is not held to its time-out.
    var isWaitingForClient: Bool { self.isParked || !self.asks.isEmpty }

    /// What is kept of clients and workers. Questions at clients are counted with them, see `InputTable.bytes`.
    var byteCount: Int {
        var count = self.message.count + self.answer.count + (self.requestState?.count ?? 0)
        for answer in self.answers { count += answer.value.count }
        for answer in self.earlyAnswers { count += answer.value.count }
        for question in self.questions { count += question.byteCount }
        return count
    }

    static let roundsMax = 8
    /// Bound: of a modern client's request that is kept. Of a longer one only the digest is.
    static let messageBytesMax = 16 << 10
    /// How long a worker's further questions are waited for before the client is told of the first.
    static let coalescing = Interval.milliseconds(30)
    /// Before a call is asked again that brought a state but no question.
    static let pause = Interval.milliseconds(250)
    /// How long a modern client that lost the connection of a retry may take to send the same retry again before it counts as a
    /// cancellation.
    static let retryGrace = Interval.seconds(2)
}

/// The states of all calls that can be asked for input, and what they hold in all.
struct InputTable {
    private var states: [CallKey: InputState] = [:]
    /// Bytes of the states and of the questions that are at clients.
    private(set) var bytes = 0

    /// Bound: of `bytes`. Beyond it nothing is asked that would have to be kept: a legacy client's call goes on as if it could be
    /// asked nothing, a worker's question is answered in its place, an answer for a client that is not there becomes an error.
    static let bytesMax = 64 << 20

    var isEmpty: Bool { self.states.isEmpty }
    var count: Int { self.states.count }

    func hasRoom(for count: Int) -> Bool { self.bytes + count <= Self.bytesMax }

    subscript(_ key: CallKey) -> InputState? {
        get { self.states[key] }
        set {
            self.bytes -= self.states[key]?.byteCount ?? 0
            self.bytes += newValue?.byteCount ?? 0
            self.states[key] = newValue
        }
    }

    mutating func removeValue(forKey key: CallKey) -> InputState? {
        let removed = self.states.removeValue(forKey: key)
        self.bytes -= removed?.byteCount ?? 0
        return removed
    }

    mutating func asked(_ byteCount: Int) { self.bytes += byteCount }
    mutating func askEnded(_ byteCount: Int) { self.bytes -= byteCount }
}
