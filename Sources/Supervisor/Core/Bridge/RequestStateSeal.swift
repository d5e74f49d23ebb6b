import Base
import MCP

/// Authenticated encryption (AEAD), as a cryptographic library does it for this layer. The nonce and the id of the key are the
/// library's affair and part of what `seal` returns; a new nonce each time makes the same state look different each time.
public struct SealFunctions: Sendable {
    /// Nil when the library fails.
    public let seal: @Sendable (_ plaintext: Span<UInt8>, _ associatedData: Span<UInt8>) -> [UInt8]?
    /// Nil for whatever `seal` did not make of the same associated data with a key that is still known.
    public let open: @Sendable (_ sealed: Span<UInt8>, _ associatedData: Span<UInt8>) -> [UInt8]?

    public init(
        seal: @escaping @Sendable (_ plaintext: Span<UInt8>, _ associatedData: Span<UInt8>) -> [UInt8]?,
        open: @escaping @Sendable (_ sealed: Span<UInt8>, _ associatedData: Span<UInt8>) -> [UInt8]?
    ) {
        self.seal = seal
        self.open = open
    }
}

/// The only failure that a client sees, whatever was wrong: forged, altered, another principal's, another request's, too old, or of
/// a call that is no more.
struct InvalidRequestState: Error, Equatable {
    var code: ErrorCode { .invalidParams }
    var reason: StaticString { "Invalid or expired requestState" }
}

/// Makes the text that a client brings back out of a state, and a state out of that text.
struct RequestStateSeal {
    let functions: SealFunctions

    /// Says what the sealed bytes are for, so that no other use of the key makes bytes that pass here.
    private static let purpose = [UInt8]("io.mcp-supervisor/requestState/1")

    /// Bound: of the text, checked before anything is decoded. A sealed record adds less than a kibibyte to a worker's state.
    static let textBytesMax = (InputRequired.stateBytesMax + 1_024) / 3 * 4 + 4

    /// Clocks are set back now and then: a state may be this many seconds from the future.
    private static let skewMax: Int64 = 60

    /// The text, which needs no escapes in JSON. Nil when the state is too long or the library fails.
    func seal(_ state: RequestState) -> [UInt8]? {
        guard let plaintext = state.encoded(), let sealed = self.functions.seal(plaintext.span, Self.purpose.span) else {
            return nil
        }
        var text: [UInt8] = []
        Base64URL.append(sealed.span, to: &text)
        return text
    }

    /// The state, if it is one of ours, for this binding, and has not expired at `now` (Unix seconds).
    func open(
        _ text: Span<UInt8>, for binding: RequestState.Binding, at now: Int64
    ) throws(InvalidRequestState) -> RequestState {
        let state = try self.open(text, at: now)
        guard state.binding == binding else { throw InvalidRequestState() }
        return state
    }

    /// The same for whatever binding: the caller compares it, which costs more than to see that the text is not ours.
    func open(_ text: Span<UInt8>, at now: Int64) throws(InvalidRequestState) -> RequestState {
        guard text.count <= Self.textBytesMax, let sealed = Base64URL.decode(text),
            let plaintext = self.functions.open(sealed.span, Self.purpose.span),
            let state = RequestState(decoding: plaintext.span)
        else { throw InvalidRequestState() }
        // A state is never valid for ever: without an end after its beginning it is none of ours.
        guard state.issuedAt < state.expiresAt, now < state.expiresAt else {
            throw InvalidRequestState()
        }
        let (earliest, overflow) = state.issuedAt.subtractingReportingOverflow(Self.skewMax)
        guard !overflow, earliest <= now else { throw InvalidRequestState() }
        return state
    }
}
