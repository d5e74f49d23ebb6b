import Base
import MCP
import Wire

/// Reading of messages: kind, era, method.
extension ServerState {
    mutating func messageReceived(
        _ bytes: Span<UInt8>, _ envelope: JSONRPCEnvelope, inBatch: Bool, now: Instant, into output: inout [UInt8],
        effects: inout [ServerEffect]
    ) {
        switch envelope.kind {
        case .request: self.requestReceived(bytes, envelope, inBatch: inBatch, now: now, into: &output, effects: &effects)
        case .notification: self.notificationReceived(bytes, envelope, now: now, effects: &effects)
        case .result, .error: break  // Expected: this server sends no requests; a response is nobody's.
        }
    }

    /// Only 2025-03-26 has batches (2024-11-05 tolerates them). Each element is answered by itself, when it is done.
    mutating func batchReceived(
        _ bytes: Span<UInt8>, _ range: ByteRange, now: Instant, into output: inout [UInt8], effects: inout [ServerEffect]
    ) {
        guard let session = self.session, session.revision.allowsBatches else {
            return AnswerWriter.appendError(nil, .invalidRequest, "Batches are not part of this revision", to: &output)
        }
        var elements: [ByteRange] = []
        var position = range.lowerBound + 1
        while let element = self.nextElement(bytes, &position, end: range.upperBound) {  // Bound: the bytes of the line.
            elements.append(element)
        }
        guard !elements.isEmpty, elements.count <= Self.batchMax else {
            return AnswerWriter.appendError(nil, .invalidRequest, "A batch holds 1 to 100 messages", to: &output)
        }
        for element in elements {
            do throws(JSONRPCError) {
                let envelope = try self.scanner.scan(bytes, at: element)
                self.messageReceived(bytes, envelope, inBatch: true, now: now, into: &output, effects: &effects)
            } catch {
                switch error {
                case .parse(let reason): Self.append(parseError: reason, to: &output)
                case .invalid(let reason, let id): Self.append(invalid: reason, Self.lexeme(bytes, id), to: &output)
                case .batch: AnswerWriter.appendError(nil, .invalidRequest, "A batch inside a batch", to: &output)
                }
            }
        }
    }

    /// The next element of an array that was validated, or nil at its end.
    private mutating func nextElement(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> ByteRange? {
        while position < end {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D, 0x2C: position += 1
            case 0x5D: return nil
            default: return try? self.objects.scanValue(bytes, at: &position)
            }
        }
        return nil
    }

    static func append(parseError: JSONError, to output: inout [UInt8]) {
        var message = [UInt8]("Parse error: ")
        message.append(parseError.reason.text)
        AnswerWriter.appendError(nil, .parseError, message: message, to: &output)
    }

    static func append(invalid: JSONRPCInvalid, _ id: JSONLexeme?, to output: inout [UInt8]) {
        var message = [UInt8]("Invalid request: ")
        message.append(invalid.text)
        AnswerWriter.appendError(id, .invalidRequest, message: message, to: &output)
    }

    static func method(_ bytes: Span<UInt8>, _ range: ByteRange) -> MCPMethod {
        if JSONString.hasEscapes(bytes, range) { return MCPMethod(JSONString.unescape(bytes, range).span) }
        return MCPMethod(bytes.extracting(JSONString.contents(range).range))
    }

    // MARK: Notifications

    private mutating func notificationReceived(
        _ bytes: Span<UInt8>, _ envelope: JSONRPCEnvelope, now: Instant, effects: inout [ServerEffect]
    ) {
        guard let method = envelope.method else { return }
        // Expected: `initialized` starts nothing here, and what is not known is ignored, as JSON-RPC wants.
        guard Self.method(bytes, method) == .notificationsCancelled else { return }
        guard let id = self.scanner.members.value("requestId", in: bytes) else { return }
        switch jsonKind(bytes, id) {
        case .string, .number: self.cancel(JSONLexeme(bytes, id), now: now, effects: &effects)
        case .object, .array, .true, .false, .null: break
        }
    }

    // MARK: Requests

    private mutating func requestReceived(
        _ bytes: Span<UInt8>, _ envelope: JSONRPCEnvelope, inBatch: Bool, now: Instant, into output: inout [UInt8],
        effects: inout [ServerEffect]
    ) {
        guard let idRange = envelope.id, let methodRange = envelope.method else { return }
        let id = JSONLexeme(bytes, idRange)
        let metadata: RequestMetadata
        do throws(RequestRefusal) {
            metadata = try self.readMetadata(bytes)
        } catch {
            return AnswerWriter.appendError(id, error.code, error.message, to: &output)
        }
        if self.keys[id] != nil {
            return AnswerWriter.appendError(id, .invalidRequest, "A request with this id is still running", to: &output)
        }
        let request = Request(
            id: id, method: Self.method(bytes, methodRange), hasParams: envelope.params != nil, metadata: metadata, now: now)
        if metadata.claimsModern {
            if inBatch {
                return AnswerWriter.appendError(id, .invalidRequest, "Batches are not part of revision 2026-07-28", to: &output)
            }
            self.modernRequestReceived(bytes, request, into: &output, effects: &effects)
        } else {
            self.legacyRequestReceived(bytes, request, inBatch: inBatch, into: &output, effects: &effects)
        }
    }

    /// What every request has, era aside.
    struct Request {
        let id: JSONLexeme
        let method: MCPMethod
        let hasParams: Bool
        let metadata: RequestMetadata
        let now: Instant
    }

    struct RequestRefusal: Error {
        let code: ErrorCode
        let message: StaticString
    }

    private mutating func readMetadata(_ bytes: Span<UInt8>) throws(RequestRefusal) -> RequestMetadata {
        guard let meta = self.scanner.members.value("_meta", in: bytes) else { return RequestMetadata() }
        guard jsonKind(bytes, meta) == .object else {
            throw RequestRefusal(code: .invalidParams, message: "params._meta must be an object")
        }
        do throws(JSONError) {
            try self.objects.scanObject(bytes, at: meta, into: &self.metaMembers)
        } catch {
            throw RequestRefusal(code: .invalidParams, message: "params._meta is not acceptable: too many or repeated keys")
        }
        return RequestMetadata(bytes, meta: self.metaMembers)
    }
}
