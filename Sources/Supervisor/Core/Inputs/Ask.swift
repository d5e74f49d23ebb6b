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
    /// The length of the question as it came, for `InputTable.bytes`.
    let byteCount: Int
    /// The client itself says that it is at it, and the worker is told that instead of our own words.
    var reportsProgress = false

    /// Bound: of all clients together. A power of two, see `progressToken`.
    static let countMax = 1 << Self.slotBits
    private static let slotBits: UInt64 = 12

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

    /// The token by which the client may report progress: an integer of 44 bits, which every reader of JSON keeps exact.
    static func progressToken(_ key: AskKey) -> Int64 { Int64(key.generation) << Int64(Self.slotBits) | Int64(key.slot) }

    static func key(progressToken token: Int64) -> AskKey? {
        guard token > 0, token < 1 << Int64(32 + Self.slotBits) else { return nil }
        let word = UInt64(token)
        return AskKey(
            slot: UInt32(word & (1 << Self.slotBits - 1)), generation: UInt32(truncatingIfNeeded: word >> Self.slotBits))
    }
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
