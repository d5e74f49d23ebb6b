public import Base

/// Reads the envelope of one JSON-RPC 2.0 message and the members of its payload in one pass. Keeps its tables between
/// messages, so nothing is allocated in steady state.
///
/// Unknown keys of the envelope are tolerated (but not repeated) and recorded nowhere. Keys are compared after unescaping and
/// with their case: `m\u0065thod` is `method`, `Method` is unknown.
public struct JSONRPCScanner: Sendable {
    /// Longest string that is an id, without its quotes and as it is spelled.
    public static let idBytesMax = 256
    /// Largest integer that every reader of JSON keeps exactly: 2^53-1.
    public static let idIntegerMax: Int64 = 1 << 53 - 1

    private let limits: JSONLimits
    /// After a scan: the members of `params`, `result` or `error`, whichever the message has. Empty without one, and after an
    /// error.
    public private(set) var members = JSONMembers()
    /// After a scan by a scanner that reads it: the members of the payload's `_meta`. Empty when that is missing or no object.
    public private(set) var metaMembers = JSONMembers()
    private let readsMeta: Bool
    /// The unknown keys of the envelope, to find duplicates.
    private var unknownKeys = JSONMembers()

    /// With `readsMeta`, `_meta` is held to the same rules as the payload: a key that it has twice is an error of the message.
    public init(limits: JSONLimits = .standard, readsMeta: Bool = false) {
        self.limits = limits
        self.readsMeta = readsMeta
    }

    /// Reads the message that `bytes` are.
    public mutating func scan(_ bytes: Span<UInt8>) throws(JSONRPCError) -> JSONRPCEnvelope {
        try self.scan(bytes, in: 0..<bytes.count)
    }

    /// Reads the message that is the part of `bytes` at `range`, for elements of a batch and lines of a buffer. The ranges of the
    /// envelope are offsets into `bytes`.
    public mutating func scan(_ bytes: Span<UInt8>, at range: ByteRange) throws(JSONRPCError) -> JSONRPCEnvelope {
        try self.scan(bytes, in: range.range)
    }

    private mutating func scan(_ bytes: Span<UInt8>, in range: Range<Int>) throws(JSONRPCError) -> JSONRPCEnvelope {
        self.forgetPayload()
        self.unknownKeys.removeAll()
        do throws(JSONRPCError) {
            let fields = try self.scanFields(bytes, in: range)
            return try self.judge(fields, bytes)
        } catch {
            self.forgetPayload()
            throw error
        }
    }

    private mutating func forgetPayload() {
        self.members.removeAll()
        self.metaMembers.removeAll()
    }

    /// The values of the known keys.
    private struct Fields {
        var version: ByteRange?
        var id: ByteRange?
        var method: ByteRange?
        var params: ByteRange?
        var result: ByteRange?
        var error: ByteRange?
        var whole = ByteRange(0, 0)
        var needsLineRewrite = false
    }

    private enum Key: Equatable { case version, id, method, params, result, error, unknown }

    /// The grammar. Everything is read before anything is judged: bad JSON is always -32700.
    private mutating func scanFields(_ bytes: Span<UInt8>, in range: Range<Int>) throws(JSONRPCError) -> Fields {
        var fields = Fields()
        var isObject = true
        do throws(JSONError) {
            var cursor = try JSONCursor(bytes, range: range, limits: self.limits)
            try cursor.startText(bytes)
            let start = cursor.position
            isObject = cursor.token(bytes) == 0x7B
            if isObject {
                try self.scanEnvelope(bytes, &cursor, into: &fields)
            } else {
                try cursor.skipValue(bytes, depth: 0)
            }
            fields.whole = ByteRange(start, cursor.position)
            fields.needsLineRewrite = cursor.needsLineRewrite
            try cursor.endText(bytes)
        } catch {
            throw .parse(error)
        }
        guard isObject else {
            throw bytes[fields.whole.lowerBound] == 0x5B ? .batch(fields.whole) : .invalid(.notObject, id: nil)
        }
        return fields
    }

    private mutating func scanEnvelope(
        _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, into fields: inout Fields
    ) throws(JSONError) {
        guard try cursor.enter(0x7B, bytes, depth: 0) else { return }
        // Bound: every round passes at least one byte.
        while true {
            let (key, hasEscapes) = try cursor.skipKey(bytes)
            let known = hasEscapes ? Self.knownEscaped(bytes, key) : Self.known(bytes, key)
            let first = cursor.token(bytes)
            let start = cursor.position
            if first == 0x22 {
                try cursor.skipString(bytes)
            } else if first == 0x7B, self.isPayload(known, fields) {
                self.forgetPayload()
                if self.readsMeta {
                    try cursor.recordObject(bytes, depth: 1, into: &self.members, inner: "_meta", into: &self.metaMembers)
                } else {
                    try cursor.recordObject(bytes, depth: 1, into: &self.members)
                }
            } else {
                try cursor.skipValue(bytes, depth: 1)
            }
            let value = ByteRange(start, cursor.position)
            let isNew: Bool
            switch known {
            case .version: isNew = fields.version.replace(with: value) == nil
            case .id: isNew = fields.id.replace(with: value) == nil
            case .method: isNew = fields.method.replace(with: value) == nil
            case .params: isNew = fields.params.replace(with: value) == nil
            case .result: isNew = fields.result.replace(with: value) == nil
            case .error: isNew = fields.error.replace(with: value) == nil
            case .unknown:
                isNew = true
                try cursor.record(key, hasEscapes: hasEscapes, value: value, bytes, into: &self.unknownKeys)
            }
            guard isNew else { throw JSONError(.duplicateKey, at: key.lowerBound) }
            guard try cursor.continues(0x7D, bytes) else { return }
        }
    }

    /// Whether the members of the value of `key` are those of the message. A message that has `params` beside a result or an
    /// error is a response, whichever comes first.
    private func isPayload(_ key: Key, _ fields: Fields) -> Bool {
        switch key {
        case .params: fields.result == nil && fields.error == nil
        case .result, .error: true
        case .version, .id, .method, .unknown: false
        }
    }

    @inline(__always)
    private static func known(_ bytes: Span<UInt8>, _ key: ByteRange) -> Key {
        guard key.count <= 7 else { return .unknown }
        return switch ByteWord.load(bytes, key) {
        case ByteWord.literal("id"): .id
        case ByteWord.literal("method"): .method
        case ByteWord.literal("params"): .params
        case ByteWord.literal("result"): .result
        case ByteWord.literal("error"): .error
        case ByteWord.literal("jsonrpc"): .version
        default: .unknown
        }
    }

    @inline(never)
    private static func knownEscaped(_ bytes: Span<UInt8>, _ key: ByteRange) -> Key {
        let text = JSONString.unescapedContents(bytes, key)
        return self.known(text.span, ByteRange(0, text.count))
    }

    /// The shape, after the grammar.
    private mutating func judge(_ fields: Fields, _ bytes: Span<UInt8>) throws(JSONRPCError) -> JSONRPCEnvelope {
        let isIDValid = Self.isID(bytes, fields.id)
        let id = isIDValid ? fields.id : nil
        guard let version = fields.version, JSONString.equals(bytes, version, "2.0") else {
            throw .invalid(.version, id: id)
        }
        var envelope = JSONRPCEnvelope(kind: .error, id: id, whole: fields.whole, needsLineRewrite: fields.needsLineRewrite)
        switch (fields.method, fields.result, fields.error) {
        case (let method?, nil, nil):
            guard fields.id == nil || isIDValid else { throw .invalid(.id, id: nil) }
            guard jsonKind(bytes, method) == .string else { throw .invalid(.method, id: id) }
            if let params = fields.params, jsonKind(bytes, params) != .object { throw .invalid(.params, id: id) }
            envelope.kind = id == nil ? .notification : .request
            envelope.method = method
            envelope.params = fields.params
        case (nil, let result?, nil):
            guard fields.id != nil else { throw .invalid(.idMissing, id: nil) }
            guard isIDValid else { throw .invalid(.id, id: nil) }
            guard jsonKind(bytes, result) == .object else { throw .invalid(.result, id: id) }
            envelope.kind = .result
            envelope.result = result
        case (nil, nil, let error?):
            // JSON-RPC 2.0 5: the id is null when the request's could not be read; MCP lets it be absent.
            if let given = fields.id, !isIDValid, jsonKind(bytes, given) != .null { throw .invalid(.id, id: nil) }
            guard self.isErrorObject(bytes, error) else { throw .invalid(.error, id: id) }
            envelope.error = error
        case (nil, nil, nil):
            throw .invalid(.empty, id: id)
        default:
            throw .invalid(.ambiguous, id: id)
        }
        return envelope
    }

    /// `members` are those of `error` when it is an object.
    private func isErrorObject(_ bytes: Span<UInt8>, _ error: ByteRange) -> Bool {
        guard jsonKind(bytes, error) == .object, let code = self.members.value("code", in: bytes),
            let message = self.members.value("message", in: bytes)
        else { return false }
        return JSONNumber.int64(bytes, code) != nil && jsonKind(bytes, message) == .string
    }

    private static func isID(_ bytes: Span<UInt8>, _ id: ByteRange?) -> Bool {
        guard let id else { return false }
        switch jsonKind(bytes, id) {
        case .string: return JSONString.contents(id).count <= self.idBytesMax
        case .number: return (JSONNumber.int64(bytes, id)?.magnitude).map { $0 <= UInt64(self.idIntegerMax) } ?? false
        case .object, .array, .true, .false, .null: return false
        }
    }
}

extension Optional where Wrapped == ByteRange {
    /// Sets the value and returns the one that was there.
    @inline(__always)
    fileprivate mutating func replace(with value: ByteRange) -> ByteRange? {
        let old = self
        self = value
        return old
    }
}
