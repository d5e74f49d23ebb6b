import Base

/// The methods that have a name here. Unknown ones never get as far as a head, and of CONNECT and TRACE nothing but the head.
public enum HTTPMethod: Equatable, Sendable, CaseIterable {
    case get, head, post, delete, options, put, patch, trace, connect

    /// Served nowhere: one repeats a request to its sender, with credentials; the other asks for a tunnel.
    public var isForbidden: Bool { self == .trace || self == .connect }

    /// The name on the wire. Methods are case-sensitive (RFC 9110 9.1).
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .put: "PUT"
        case .patch: "PATCH"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        }
    }

    /// Reads the whole of `range` as a method.
    static func parse(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPRefusal) -> Self {
        switch range.count {
        case 3:
            if bytes.matches("GET", at: range.lowerBound) { return .get }
            if bytes.matches("PUT", at: range.lowerBound) { return .put }
        case 4:
            if bytes.matches("POST", at: range.lowerBound) { return .post }
            if bytes.matches("HEAD", at: range.lowerBound) { return .head }
        case 5:
            if bytes.matches("PATCH", at: range.lowerBound) { return .patch }
            if bytes.matches("TRACE", at: range.lowerBound) { return .trace }
        case 6:
            if bytes.matches("DELETE", at: range.lowerBound) { return .delete }
        case 7:
            if bytes.matches("OPTIONS", at: range.lowerBound) { return .options }
            if bytes.matches("CONNECT", at: range.lowerBound) { return .connect }
        default: break
        }
        guard !range.isEmpty, HTTPByte.allTokens(bytes, range) else { throw .malformedMethod }
        throw .unknownMethod
    }
}
