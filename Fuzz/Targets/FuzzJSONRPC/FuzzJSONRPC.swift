import Base
import FuzzSupport
import Wire

/// An accepted envelope agrees with the tree of the same text, a refused one with the scanner's opinion, and what was scanned before
/// makes no difference.
func fuzzJSONRPC(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(start, count)
    var fresh = JSONRPCScanner()
    let first = verdict(bytes, &fresh)
    var used = JSONRPCScanner()
    for earlier in [#"{"jsonrpc":"2.0","id":7,"method":"x","params":{"a":1,"b":[2]}}"#, #"{"jsonrpc":"2.0","id":"#, "[1]"] {
        _ = verdict(Array(earlier.utf8), &used)
    }
    let second = verdict(bytes, &used)
    precondition(first == second, "an earlier message changed the verdict")
    precondition(fresh.members.members == used.members.members, "an earlier message changed the members")

    switch first {
    case .accepted(let envelope): checkAccepted(envelope, fresh.members, bytes)
    case .refused(let error):
        precondition(fresh.members.count == 0, "members of a refused message")
        checkRefused(error, bytes)
    }
    return 0
}

enum Verdict: Equatable {
    case accepted(JSONRPCEnvelope)
    case refused(JSONRPCError)
}

private func verdict(_ bytes: [UInt8], _ scanner: inout JSONRPCScanner) -> Verdict {
    do throws(JSONRPCError) {
        return .accepted(try scanner.scan(bytes.span))
    } catch {
        return .refused(error)
    }
}

private func checkAccepted(_ envelope: JSONRPCEnvelope, _ members: JSONMembers, _ bytes: [UInt8]) {
    var scanner = JSONScanner()
    precondition(scanner.accepts(bytes) == envelope.whole, "the scanner sees another text")
    precondition(scanner.needsLineRewrite == envelope.needsLineRewrite, "the need for a rewrite was misjudged")

    let parts = [envelope.id, envelope.method, envelope.params, envelope.result, envelope.error]
    for part in parts.compactMap({ $0 }) {
        precondition(part.lowerBound > envelope.whole.lowerBound && part.upperBound < envelope.whole.upperBound, "a part outside")
        var position = part.lowerBound
        do throws(JSONError) {
            let value = try scanner.scanValue(bytes.span, at: &position)
            precondition(value == part, "a part is not one value")
        } catch {
            preconditionFailure("a part is no value")
        }
    }
    switch envelope.kind {
    case .request: precondition(envelope.id != nil && envelope.method != nil && envelope.result == nil && envelope.error == nil)
    case .notification:
        precondition(envelope.id == nil && envelope.method != nil && envelope.result == nil && envelope.error == nil)
    case .result: precondition(envelope.id != nil && envelope.result != nil && envelope.method == nil && envelope.error == nil)
    case .error: precondition(envelope.error != nil && envelope.result == nil && envelope.method == nil)
    }
    if let id = envelope.id {
        precondition(id.count <= JSONRPCScanner.idBytesMax + 2, "a long id")  // And two quotes.
        var echo: [UInt8] = []
        JSONLexeme(bytes.span, id).append(to: &echo)
        precondition(echo == [UInt8](bytes.span, id), "the id is not echoed as it came")
    }
    checkPayload(envelope.params ?? envelope.result ?? envelope.error, members, bytes)
}

/// The members are those of the payload, found in the same pass or in one of their own.
private func checkPayload(_ payload: ByteRange?, _ members: JSONMembers, _ bytes: [UInt8]) {
    guard let payload else {
        precondition(members.count == 0, "members without a payload")
        return
    }
    precondition(jsonKind(bytes.span, payload) == .object, "a payload that is no object")
    var scanner = JSONScanner()
    var alone = JSONMembers()
    do throws(JSONError) {
        try scanner.scanObject(bytes.span, at: payload, into: &alone)
    } catch {
        preconditionFailure("a payload that is no valid object")
    }
    precondition(alone.members == members.members, "other members")
}

private func checkRefused(_ error: JSONRPCError, _ bytes: [UInt8]) {
    var scanner = JSONScanner()
    let range = scanner.accepts(bytes)
    switch error {
    case .parse(let cause):
        precondition(cause.offset >= 0 && cause.offset <= bytes.count, "an error outside of the text")
        let isOwn = [.duplicateKey, .tooManyMembers, .stringTooLong].contains(cause.reason)
        precondition(range == nil || isOwn, "a parse error in valid JSON")
    case .invalid(_, let id):
        precondition(range != nil, "an invalid message that is no JSON")
        if let id { precondition([.string, .number].contains(jsonKind(bytes.span, id)), "an id of another kind") }
    case .batch(let batch):
        precondition(range == batch && jsonKind(bytes.span, batch) == .array, "a batch that is no array")
    }
}

extension JSONScanner {
    fileprivate mutating func accepts(_ bytes: [UInt8]) -> ByteRange? {
        do throws(JSONError) {
            return try self.scanText(bytes.span)
        } catch {
            return nil
        }
    }
}
