public import Base

/// Decides which era's rules an incoming POST is held to. The body decides; the header is only a cross-check, because clients
/// of both eras send `MCP-Protocol-Version` and some send none.
///
///     body                          header                 verdict
///     response                      legacy or none         legacy        (needs a session)
///     response                      other                  -32600
///     initialize without claim      modern, supported      -32020
///     initialize without claim      other                  legacy
///     any with claim                any                    modern
///     request without claim         not a legacy revision  -32602        (the envelope is missing)
///     notification without claim    not a legacy revision  modern
///     any without claim             legacy or none         legacy
///
/// A *claim* is the presence of `_meta["io.modelcontextprotocol/protocolVersion"]`, whatever its value: a modern request with a
/// broken version must be refused as a modern request, or the client falls back to the legacy handshake for good.
public enum EraClassifier {
    public enum Body: Equatable, Sendable {
        /// A result or an error.
        case response
        case request(MCPMethod, claimsModern: Bool)
        case notification(MCPMethod, claimsModern: Bool)
    }

    public enum Header: Equatable, Sendable {
        case absent
        case revision(Revision)
        /// Present, but no revision we know. Counts as modern: older revisions are all known.
        case unknown

        /// `value` is the trimmed field value, or an empty range's span for an empty one.
        public init(_ bytes: Span<UInt8>, _ value: ByteRange?) {
            guard let value else {
                self = .absent
                return
            }
            guard let revision = Revision(bytes.extracting(value.range)) else {
                self = .unknown
                return
            }
            self = .revision(revision)
        }

        fileprivate var namesModern: Bool {
            switch self {
            case .absent: false
            case .revision(let revision): revision.era == .modern
            case .unknown: true
            }
        }
    }

    public enum Verdict: Equatable, Sendable {
        case legacy
        case modern
        /// HTTP 400 with this error.
        case refused(Refusal)
    }

    public enum Refusal: Equatable, Sendable {
        case modernResponse
        case handshakeUnderModernHeader
        case envelopeMissing

        public var code: ErrorCode {
            switch self {
            case .modernResponse: .invalidRequest
            case .handshakeUnderModernHeader: .headerMismatch
            case .envelopeMissing: .invalidParams
            }
        }

        public var reason: StaticString {
            switch self {
            case .modernResponse: "Clients send no responses in revision 2026-07-28"
            case .handshakeUnderModernHeader:
                "MCP-Protocol-Version names a revision without handshake, but the body is initialize"
            case .envelopeMissing:
                """
                params._meta lacks io.modelcontextprotocol/protocolVersion, which the revision in MCP-Protocol-Version requires \
                together with io.modelcontextprotocol/clientCapabilities
                """
            }
        }
    }

    public static func classify(_ body: Body, header: Header) -> Verdict {
        switch body {
        case .response: header.namesModern ? .refused(.modernResponse) : .legacy
        case .request(_, claimsModern: true), .notification(_, claimsModern: true): .modern
        case .request(.initialize, claimsModern: false), .notification(.initialize, claimsModern: false):
            // An unknown version here is a client that negotiates: the handshake itself settles the revision.
            header.namesModern && header != .unknown ? .refused(.handshakeUnderModernHeader) : .legacy
        case .request(_, claimsModern: false): header.namesModern ? .refused(.envelopeMissing) : .legacy
        case .notification(_, claimsModern: false): header.namesModern ? .modern : .legacy
        }
    }
}
