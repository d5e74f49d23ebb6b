import Base
import MCP

typealias AskKey = SlotKey

/// A question that was sent to a legacy client as a request of its own, until it is answered or not needed any more.
struct Ask {
    /// Who waits for the answer.
    enum Asker {
        /// A legacy worker, under this id of its own (raw JSON).
        case worker(WorkerKey, id: [UInt8])
        /// The round of a modern worker's call; the question has this key in it.
        case round(key: [UInt8])
    }

    let asker: Asker
    /// The call in the middle of which it is asked.
    let call: CallKey
    /// Only this session may answer.
    let session: SessionKey
    let request: InputRequest

    /// The id of the request that asks the client: a string that no worker or client chose.
    static func appendID(_ key: AskKey, to output: inout [UInt8]) {
        output.append(#""ask-"#)
        output.append(decimal: key.word)
        output.append(0x22)
    }

    /// The ask that such an id names. `id` is raw JSON.
    static func key(_ id: Span<UInt8>) -> AskKey? {
        let prefix: StaticString = #""ask-"#
        guard id.count > prefix.utf8CodeUnitCount + 1, id.count <= prefix.utf8CodeUnitCount + 21, id.hasPrefix(prefix),
            id[id.count - 1] == 0x22
        else { return nil }
        var word: UInt64 = 0
        for index in prefix.utf8CodeUnitCount..<(id.count - 1) {
            guard ASCII.isDigit(id[index]) else { return nil }
            let (tenfold, tooMuch) = word.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = tenfold.addingReportingOverflow(UInt64(id[index] - 0x30))
            guard !tooMuch, !overflow else { return nil }
            word = sum
        }
        return AskKey(word: word)
    }
}

/// What a call needs to know beyond itself because its server asks for input in the middle of it. Only calls that can be asked have
/// one.
struct InputState {
    /// Of a legacy client's call to a modern worker: the request as it came, to be asked again with the answers.
    var message: [UInt8] = []
    /// Rounds so far. Bound: `roundsMax`.
    var round = 0
    /// Asks that the client has not answered.
    var asks: [AskKey] = []
    /// The answers of this round.
    var answers: [InputAnswers.Answer] = []
    /// The modern worker's state of this round, to be given back exactly.
    var requestState: [UInt8]?

    // A modern client's call to a legacy worker:

    /// What the client sent without being asked in this call; matched by key when the worker asks.
    var earlyAnswers: [InputAnswers.Answer] = []
    /// What the worker waits for. Bound: `InputRequired.questionsMax`.
    var questions: [ParkedQuestion] = []
    /// Names the call in the state that the client brings back.
    var callID: RequestState.CallID?
    /// Set while no client is there: the call waits for its return.
    var isParked = false
    /// The worker's answer that came while the call was parked, as the line it was.
    var answer: [UInt8] = []

    struct ParkedQuestion {
        let key: [UInt8]
        let worker: WorkerKey
        /// Of the worker's request, raw JSON.
        let id: [UInt8]
        let request: InputRequest
    }

    static let roundsMax = 8
    /// How long a worker's further questions are waited for before the client is told of the first.
    static let coalescing = Interval.milliseconds(30)
    /// Before a call is asked again that brought a state but no question.
    static let pause = Interval.milliseconds(250)
}

/// What the machine cannot do purely, for the states that it gives to clients.
public struct Sealing: Sendable {
    let digests: DigestFunctions
    let seal: RequestStateSeal

    public init(digests: DigestFunctions, seal: SealFunctions) {
        self.digests = digests
        self.seal = RequestStateSeal(functions: seal)
    }
}
