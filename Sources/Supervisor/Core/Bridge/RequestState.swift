import Base
import MCP

/// What a `requestState` of ours says, once it has been opened. It is bound to one principal, one request and one server, and it
/// ends; a client that sends anything else learns only that it is not valid.
struct RequestState: Equatable {
    /// What the client's return continues.
    enum Kind: Equatable {
        /// A call of a legacy worker that waits for its answers.
        case parked
        /// Nothing waits: the call is done again from the start, after error -32042.
        case retry
        /// A modern worker's own state, which it gets back exactly. Nil when it sent questions without one.
        case wrapped([UInt8]?)
    }

    /// Who may bring the state back, and with what.
    struct Binding: Equatable {
        /// Of the principal's name and group.
        let principal: RequestDigest
        let method: MCPMethod
        let digest: RequestDigest
        /// The configured name, as bytes: equality of strings is not equality of names.
        let server: [UInt8]

        /// The digest for `principal`.
        static func digest(of principal: Principal, _ functions: DigestFunctions) -> RequestDigest? {
            var text = [UInt8](principal.name.utf8)
            // Neither of them can hold a NUL.
            text.append(0)
            text.append(contentsOf: principal.group.utf8)
            return RequestDigest(functions.sha256(text.span).bytes.span)
        }
    }

    let binding: Binding
    /// Unix seconds.
    let issuedAt: Int64
    let expiresAt: Int64
    /// Counts the worker's processes: a state of a dead one names nothing.
    let epoch: UInt64
    /// 128 random bits, the same in all rounds of one call: a valid state does not let anyone guess another one's.
    let callID: CallID
    /// From 1. Each round has a state of its own, and only that of the latest round is taken.
    let round: UInt16
    let kind: Kind

    struct CallID: Hashable {
        let high: UInt64
        let low: UInt64
    }

    /// A worker's state with the largest record around it stays below what a client may send.
    static let innerBytesMax = InputRequired.stateBytesMax
    static let serverBytesMax = 255

    private static let version: UInt8 = 1
}

/// The record is a row of big-endian integers and byte strings of fixed length; two fields have their length before them. There is one
/// encoding of each state and nothing is optional, so that reading has nothing to be lenient about.
extension RequestState {
    /// Nil when a part is longer than its limit, or the method is none that can ask for input.
    func encoded() -> [UInt8]? {
        guard let method = Self.code(of: self.binding.method) else { return nil }
        let server = self.binding.server
        guard server.count <= Self.serverBytesMax else { return nil }
        var bytes: [UInt8] = [Self.version]
        bytes.append(bigEndian: UInt64(bitPattern: self.issuedAt), bytes: 8)
        bytes.append(bigEndian: UInt64(bitPattern: self.expiresAt), bytes: 8)
        self.binding.principal.append(to: &bytes)
        bytes.append(method)
        self.binding.digest.append(to: &bytes)
        bytes.append(UInt8(server.count))
        bytes.append(contentsOf: server)
        bytes.append(bigEndian: self.epoch, bytes: 8)
        bytes.append(bigEndian: self.callID.high, bytes: 8)
        bytes.append(bigEndian: self.callID.low, bytes: 8)
        bytes.append(bigEndian: UInt64(self.round), bytes: 2)
        switch self.kind {
        case .parked: bytes.append(1)
        case .retry: bytes.append(2)
        case .wrapped(nil): bytes.append(3)
        case .wrapped(let inner?):
            guard inner.count <= Self.innerBytesMax else { return nil }
            bytes.append(4)
            bytes.append(bigEndian: UInt64(inner.count), bytes: 4)
            bytes.append(contentsOf: inner)
        }
        return bytes
    }

    init?(decoding bytes: Span<UInt8>) {
        var reader = Reader(at: 0)
        guard reader.integer(bytes, 1) == UInt64(Self.version), let issuedAt = reader.integer(bytes, 8),
            let expiresAt = reader.integer(bytes, 8), let principal = reader.digest(bytes),
            let methodCode = reader.integer(bytes, 1), let method = Self.method(of: methodCode),
            let digest = reader.digest(bytes), let serverCount = reader.integer(bytes, 1),
            let server = reader.string(bytes, Int(serverCount)), let epoch = reader.integer(bytes, 8),
            let high = reader.integer(bytes, 8), let low = reader.integer(bytes, 8),
            let round = reader.integer(bytes, 2), let kindCode = reader.integer(bytes, 1)
        else { return nil }
        switch kindCode {
        case 1: self.kind = .parked
        case 2: self.kind = .retry
        case 3: self.kind = .wrapped(nil)
        case 4:
            guard let count = reader.integer(bytes, 4), count <= UInt64(Self.innerBytesMax),
                let inner = reader.string(bytes, Int(count))
            else { return nil }
            self.kind = .wrapped(inner)
        default: return nil
        }
        guard reader.at == bytes.count else { return nil }
        self.binding = Binding(principal: principal, method: method, digest: digest, server: server)
        self.issuedAt = Int64(bitPattern: issuedAt)
        self.expiresAt = Int64(bitPattern: expiresAt)
        self.epoch = epoch
        self.callID = CallID(high: high, low: low)
        self.round = UInt16(truncatingIfNeeded: round)
    }

    private static func code(of method: MCPMethod) -> UInt8? {
        switch method {
        case .toolsCall: 1
        case .promptsGet: 2
        case .resourcesRead: 3
        default: nil
        }
    }

    private static func method(of code: UInt64) -> MCPMethod? {
        switch code {
        case 1: .toolsCall
        case 2: .promptsGet
        case 3: .resourcesRead
        default: nil
        }
    }

    /// Takes fields from the front; nil when there are not so many bytes.
    private struct Reader {
        private(set) var at: Int

        init(at: Int) { self.at = at }

        mutating func integer(_ bytes: Span<UInt8>, _ count: Int) -> UInt64? {
            guard bytes.count - self.at >= count else { return nil }
            var value: UInt64 = 0
            for index in self.at..<(self.at + count) { value = value << 8 | UInt64(bytes[index]) }
            self.at += count
            return value
        }

        mutating func string(_ bytes: Span<UInt8>, _ count: Int) -> [UInt8]? {
            guard bytes.count - self.at >= count else { return nil }
            let string = [UInt8](bytes.extracting(self.at..<(self.at + count)))
            self.at += count
            return string
        }

        mutating func digest(_ bytes: Span<UInt8>) -> RequestDigest? {
            guard let string = self.string(bytes, RequestDigest.byteCount) else { return nil }
            return RequestDigest(string.span)
        }
    }
}
