public import Base

/// What a request's credential turned out to be.
public enum Authentication: Equatable, Sendable {
    case granted(Principal)
    case refused(AuthenticationRefusal)
}

/// A complete answer, the same for every cause of its kind: nobody learns from it whether a key exists, is expired or was revoked.
public enum AuthenticationRefusal: Equatable, Sendable {
    /// No credential was sent.
    case missing
    /// One was sent that opens nothing. Counts towards the penalty of its source.
    case invalid
    /// A credential stands in the URL, where proxies log it (RFC 6750 2.3, RFC 9700 4.3.2).
    case inQuery

    public var status: Int {
        switch self {
        case .missing, .invalid: 401
        case .inQuery: 400
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 3): an error code only when a credential was sent.
    public var challenge: StaticString {
        switch self {
        case .missing: #"Bearer realm="mcp-supervisor""#
        case .invalid: #"Bearer realm="mcp-supervisor", error="invalid_token""#
        case .inQuery: #"Bearer realm="mcp-supervisor", error="invalid_request""#
        }
    }

    /// JSON, but no JSON-RPC: the request was not looked at.
    public var body: StaticString {
        switch self {
        case .missing, .invalid:
            #"{"error":"invalid_token","error_description":"a valid API key is required as Authorization: Bearer"}"#
        case .inQuery: #"{"error":"invalid_request","error_description":"a credential must not be part of the URL"}"#
        }
    }

    /// Whether the source should be charged.
    public var isFailure: Bool { self == .invalid }
}

/// Checks bearer tokens against the keys of the key file and the tokens of the environment.
///
/// Every check costs two digests and two comparisons in constant time, whichever key it names and whether it exists.
public struct CredentialVerifier: Sendable {
    private let functions: DigestFunctions
    private let keys: [APIKey]
    private let keyByID: [[UInt8]: Int]
    private let tokens: [EnvironmentToken]
    /// By the first eight bytes of the digest. Of two tokens that share them only the first works, once in 2^64 pairs.
    private let tokenByPrefix: [UInt64: Int]
    /// What an unknown id is compared with: the digest of nothing that anybody could send.
    private let dummy: SHA256Digest

    // Bound: longer values are no key of ours, and would cost a digest over all of them.
    public static let tokenBytesMax = 4_096

    public init(keys: [APIKey], tokens: [EnvironmentToken], functions: DigestFunctions) {
        self.functions = functions
        self.keys = keys
        self.tokens = tokens
        var keyByID: [[UInt8]: Int] = [:]
        for (index, key) in keys.enumerated() { keyByID[[UInt8](key.id.utf8)] = index }
        self.keyByID = keyByID
        var tokenByPrefix: [UInt64: Int] = [:]
        for (index, token) in tokens.enumerated() where tokenByPrefix[token.digest.prefix] == nil {
            tokenByPrefix[token.digest.prefix] = index
        }
        self.tokenByPrefix = tokenByPrefix
        // NUL cannot be part of a field value.
        self.dummy = functions.sha256([UInt8](repeating: 0, count: 32).span)
    }

    /// Whether there is any key, valid or not.
    public var isEmpty: Bool { self.keys.isEmpty && self.tokens.isEmpty }

    /// `authorization` is the field's value in `bytes`.
    public func verify(_ bytes: Span<UInt8>, authorization: ByteRange?, at unixSeconds: Int64) -> Authentication {
        guard let authorization else { return .refused(.missing) }
        guard let token = Self.bearer(bytes, authorization) else { return .refused(.invalid) }
        let keyPrincipal = self.principal(ofKey: bytes, token, at: unixSeconds)
        let tokenPrincipal = self.principal(ofToken: bytes.extracting(token.range))
        guard let principal = keyPrincipal ?? tokenPrincipal else { return .refused(.invalid) }
        return .granted(principal)
    }

    func validUntil(_ principal: Principal) -> Int64 {
        guard let index = self.keyByID[[UInt8](principal.name.utf8)] else { return .max }
        return Swift.min(self.keys[index].expires ?? .max, self.keys[index].revoked ?? .max)
    }

    private func principal(ofKey bytes: Span<UInt8>, _ token: ByteRange, at unixSeconds: Int64) -> Principal? {
        let parts = APIKeyToken(bytes, token)
        let index = parts.flatMap { self.keyByID[[UInt8](bytes, $0.id)] }
        let digest = self.functions.sha256(bytes.extracting((parts?.secret ?? token).range))
        let isEqual = self.functions.areEqual(digest, index.map { self.keys[$0].digest } ?? self.dummy)
        guard let index, isEqual, self.keys[index].isValid(at: unixSeconds) else { return nil }
        return Principal(name: self.keys[index].id, group: self.keys[index].group)
    }

    private func principal(ofToken token: Span<UInt8>) -> Principal? {
        let digest = self.functions.sha256(token)
        let index = self.tokenByPrefix[digest.prefix]
        let isEqual = self.functions.areEqual(digest, index.map { self.tokens[$0].digest } ?? self.dummy)
        guard let index, isEqual else { return nil }
        return Principal(name: self.tokens[index].name, group: Principal.anonymous.group)
    }

    /// The token of `Bearer <token>`: scheme in any case, one or more spaces, then one token of RFC 6750's alphabet.
    static func bearer(_ bytes: Span<UInt8>, _ field: ByteRange) -> ByteRange? {
        let scheme: StaticString = "bearer"
        var start = field.lowerBound + scheme.utf8CodeUnitCount
        guard start < field.upperBound, bytes.extracting(field.lowerBound..<start).equalsIgnoringASCIICase(scheme),
            bytes[start] == 0x20
        else { return nil }
        while start < field.upperBound, bytes[start] == 0x20 { start += 1 }
        let token = ByteRange(start, field.upperBound)
        guard !token.isEmpty, token.count <= Self.tokenBytesMax else { return nil }
        for index in token.range where !EnvironmentToken.isTokenByte(bytes[index]) { return nil }
        return token
    }
}

/// One token of the variable AUTH_TOKENS: any text that fits a bearer field, known to us by its digest only.
public struct EnvironmentToken: Sendable {
    /// `token-` and the first eight digits of the digest: tells tokens apart in logs and gives nothing away.
    public let name: String
    let digest: SHA256Digest

    // Bound: the environment of a process.
    public static let tokensMax = 1_000

    /// Reads a list separated by commas. Spaces around a token do not belong to it; empty ones do not count.
    public static func parse(_ text: String, functions: DigestFunctions) -> (tokens: [EnvironmentToken], findings: [Finding]) {
        var findings = Findings()
        var tokens: [EnvironmentToken] = []
        for (index, part) in text.utf8.split(separator: 0x2C).enumerated() {
            guard tokens.count < Self.tokensMax else {
                findings.error("AUTH_TOKENS", "has more than \(Self.tokensMax) tokens")
                break
            }
            let token = [UInt8](part.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }.reversed())
            guard !token.isEmpty else { continue }
            // The token itself is a secret: findings name its place.
            guard token.count <= CredentialVerifier.tokenBytesMax, token.allSatisfy({ Self.isTokenByte($0) }) else {
                findings.error(
                    "AUTH_TOKENS", "token \(index + 1) holds characters that no bearer field can carry, or is too long")
                continue
            }
            if token.count < 16 {
                findings.warning("AUTH_TOKENS", "token \(index + 1) is shorter than 16 characters and can be guessed")
            }
            let digest = functions.sha256(token.span)
            tokens.append(EnvironmentToken(name: "token-\(digest.hex.prefix(8))", digest: digest))
        }
        return (tokens, findings.list)
    }

    /// The alphabet of bearer tokens (`b64token`, RFC 6750 2.1), `=` anywhere.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, 0x2B, 0x2F, 0x3D: true
        default: false
        }
    }
}

/// Finds credentials in a query, by the names that clients use for them and by our own prefix.
enum QueryCredential {
    private static let names: [StaticString] = [
        "access_token", "api_key", "apikey", "api-key", "auth", "auth_token", "authorization", "token", "bearer", "key",
    ]

    static func isPresent(_ query: Span<UInt8>) -> Bool {
        var position = 0
        while position < query.count {  // Bound: the request line.
            var end = position
            while end < query.count, query[end] != 0x26 { end += 1 }
            var equals = position
            while equals < end, query[equals] != 0x3D { equals += 1 }
            let name = query.extracting(position..<equals)
            for candidate in Self.names where name.equalsIgnoringASCIICase(candidate) { return true }
            let value = query.extracting(Swift.min(equals + 1, end)..<end)
            if value.count >= 4, value.extracting(0..<4).equals("msk_") { return true }
            position = end + 1
        }
        return false
    }
}
