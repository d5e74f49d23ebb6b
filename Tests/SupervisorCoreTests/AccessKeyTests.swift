import Base
import Synchronization
import Testing

@testable import SupervisorCore

/// Stand-ins for the cryptographic library: a mixing function that is no cryptography, and plain comparison, both counted.
final class FakeDigests: Sendable {
    let digests = Atomic<Int>(0)
    let comparisons = Atomic<Int>(0)

    var functions: DigestFunctions {
        DigestFunctions(
            sha256: { bytes in
                self.digests.add(1, ordering: .relaxed)
                return Self.digest(bytes)
            },
            areEqual: { left, right in
                self.comparisons.add(1, ordering: .relaxed)
                return left.equals(right)
            })
    }

    static func digest(_ bytes: Span<UInt8>) -> SHA256Digest {
        var seed: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in bytes.indices { seed = (seed ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
        var generator = PRNG(seed: seed)
        var digest = InlineArray<32, UInt8>(repeating: 0)
        for index in 0..<32 { digest[index] = UInt8(truncatingIfNeeded: generator.next()) }
        return SHA256Digest(bytes: digest)
    }

    static func key(_ id: String, _ secret: String, group: String = "g", expires: Int64? = nil, revoked: Int64? = nil) -> APIKey {
        let bytes = [UInt8](secret.utf8)
        return APIKey(id: id, digest: self.digest(bytes.span), group: group, created: 0, expires: expires, revoked: revoked)
    }
}

@Suite struct CredentialVerifierTests {
    private static func verify(_ field: String?, query: String? = nil, required: Bool = true, at now: Int64 = 1_000)
        -> Authentication
    {
        let fake = FakeDigests()
        let keys = [
            FakeDigests.key("good", "s3cret"), FakeDigests.key("old", "s3cret", expires: 1_000),
            FakeDigests.key("gone", "s3cret", revoked: 999),
            FakeDigests.key("later", "a_b_c", group: "x", expires: 1_001, revoked: 2_000),
        ]
        let tokens = EnvironmentToken.parse("plain-token-0123456789, msk_good_other-0123456", functions: fake.functions).tokens
        let policy = AccessPolicy(
            .standard, listeners: [], verifier: CredentialVerifier(keys: keys, tokens: tokens, functions: fake.functions))
        var bytes = [UInt8]((field ?? "").utf8)
        let end = bytes.count
        bytes.append(contentsOf: (query ?? "").utf8)
        return policy.authenticate(
            bytes.span, authorization: field.map { _ in ByteRange(0, end) },
            query: query.map { _ in ByteRange(end, bytes.count) },
            isRequired: required, at: now)
    }

    @Test(arguments: [
        ("Bearer msk_good_s3cret", "good", "g"), ("bearer msk_good_s3cret", "good", "g"),
        ("BEARER   msk_good_s3cret", "good", "g"),
        ("Bearer msk_later_a_b_c", "later", "x"),
    ])
    func `the right secret of a valid key opens`(field: String, name: String, group: String) {
        #expect(Self.verify(field) == .granted(Principal(name: name, group: group)))
    }

    @Test(arguments: ["Bearer plain-token-0123456789", "Bearer msk_good_other-0123456"])
    func `a token of the environment opens, whatever it looks like`(field: String) {
        guard case .granted(let principal) = Self.verify(field) else { return #expect(Bool(false)) }
        #expect(principal.group == "default")
        #expect(principal.name.hasPrefix("token-"))
        #expect(principal.name.utf8.count == 14)
    }

    @Test(arguments: [
        "Bearer msk_good_wrong", "Bearer msk_none_s3cret", "Bearer msk_old_s3cret", "Bearer msk_gone_s3cret", "Bearer msk_good_",
        "Bearer msk_good",
        "Bearer msk__s3cret", "Bearer msk_GOOD_s3cret", "Bearer", "Bearer ", "Basic Z29vZA==", "msk_good_s3cret",
        "Bearermsk_good_s3cret",
        "Bearer\tmsk_good_s3cret", "Bearer msk_good_s3cret x", "Bearer msk_good_s3cret,", "", "Bearer plain-token-012345678",
        "Bearer plain-token-01234567890", "Bearer \u{1}", "Bearer " + String(repeating: "a", count: 4_097),
    ])
    func `everything else is refused alike`(field: String) {
        #expect(Self.verify(field) == .refused(.invalid))
    }

    @Test func `times of keys are inclusive of their end`() {
        #expect(Self.verify("Bearer msk_old_s3cret", at: 999) == .granted(Principal(name: "old", group: "g")))
        #expect(Self.verify("Bearer msk_gone_s3cret", at: 998) == .granted(Principal(name: "gone", group: "g")))
        #expect(Self.verify("Bearer msk_later_a_b_c", at: 1_001) == .refused(.invalid))
    }

    @Test func `no credential is another refusal than a wrong one, with the same body`() {
        #expect(Self.verify(nil) == .refused(.missing))
        #expect(AuthenticationRefusal.missing.body.description == AuthenticationRefusal.invalid.body.description)
        #expect(AuthenticationRefusal.missing.status == 401)
        #expect(AuthenticationRefusal.invalid.status == 401)
        #expect(AuthenticationRefusal.missing.challenge.description == #"Bearer realm="mcp-supervisor""#)
        #expect(AuthenticationRefusal.invalid.challenge.description == #"Bearer realm="mcp-supervisor", error="invalid_token""#)
        #expect(!AuthenticationRefusal.missing.isFailure && AuthenticationRefusal.invalid.isFailure)
    }

    @Test(arguments: [
        "access_token=x", "a=b&token=", "API_KEY=1", "x=msk_good_s3cret", "token", "a=1&x=msk_", "apikey=1&b", "&&key=1",
    ])
    func `a credential in the query is refused, required or not`(query: String) {
        #expect(Self.verify("Bearer msk_good_s3cret", query: query) == .refused(.inQuery))
        #expect(Self.verify(nil, query: query, required: false) == .refused(.inQuery))
        #expect(AuthenticationRefusal.inQuery.status == 400)
    }

    @Test(arguments: ["", "a=b", "tokens=1", "x=token", "=", "&", "session=msk", "a=xmsk_1"])
    func `other queries are no credentials`(query: String) {
        #expect(Self.verify("Bearer msk_good_s3cret", query: query) == .granted(Principal(name: "good", group: "g")))
    }

    @Test func `where none is required none is looked at`() {
        #expect(Self.verify("Bearer nonsense", required: false) == .granted(.anonymous))
        #expect(Self.verify(nil, required: false) == .granted(.anonymous))
    }

    @Test func `without keys nothing opens`() {
        let bytes = [UInt8]("Bearer msk_good_s3cret".utf8)
        let policy = AccessPolicy()
        let with = policy.authenticate(bytes.span, authorization: ByteRange(0, bytes.count), query: nil, isRequired: true, at: 0)
        let without = policy.authenticate(bytes.span, authorization: nil, query: nil, isRequired: true, at: 0)
        #expect(with == .refused(.invalid))
        #expect(without == .refused(.missing))
    }

    @Test(arguments: [
        "msk_good_s3cret", "msk_good_wrong", "msk_none_s3cret", "msk_old_s3cret", "nonsense", "plain-token-0123456789",
    ])
    func `every check costs the same digests and comparisons`(token: String) {
        let fake = FakeDigests()
        let tokens = EnvironmentToken.parse("plain-token-0123456789", functions: fake.functions).tokens
        let verifier = CredentialVerifier(
            keys: [FakeDigests.key("good", "s3cret"), FakeDigests.key("old", "s3cret", expires: 0)], tokens: tokens,
            functions: fake.functions)
        let before = fake.digests.load(ordering: .relaxed)
        let bytes = [UInt8]("Bearer \(token)".utf8)
        _ = verifier.verify(bytes.span, authorization: ByteRange(0, bytes.count), at: 1)
        #expect(fake.digests.load(ordering: .relaxed) - before == 2)
        #expect(fake.comparisons.load(ordering: .relaxed) == 2)
    }
}

@Suite struct EnvironmentTokenTests {
    @Test func `tokens are separated by commas and trimmed`() {
        let (tokens, findings) = EnvironmentToken.parse(
            " 0123456789abcdef ,, fedcba9876543210,", functions: FakeDigests().functions)
        #expect(tokens.count == 2)
        #expect(findings.isEmpty)
    }

    @Test func `findings name the place and not the token`() {
        let (tokens, findings) = EnvironmentToken.parse("short,with space inside-0123", functions: FakeDigests().functions)
        #expect(tokens.count == 1)
        #expect(
            findings.map(\.description) == [
                "AUTH_TOKENS: token 2 holds characters that no bearer field can carry, or is too long",
                "AUTH_TOKENS: token 1 is shorter than 16 characters and can be guessed",
            ])
    }

    @Test func `too many tokens are refused`() {
        let text = (0..<1_001).map { "0123456789abcdef-\($0)" }.joined(separator: ",")
        #expect(EnvironmentToken.parse(text, functions: FakeDigests().functions).findings.map(\.severity) == [.error])
    }
}

@Suite struct APIKeyFileTests {
    private static let digest = String(repeating: "0123456789abcdef", count: 4)

    private static func errors(_ text: String) -> [String] {
        APIKeyFile.parse([UInt8](text.utf8)).findings.map(\.description)
    }

    private static func key(_ change: String) -> String {
        let members = [
            "id": #""a1""#, "sha256": "\"\(Self.digest)\"", "group": #""g""#, "created": #""2026-11-20T10:00:00Z""#,
        ]
        let name = change.prefix { $0 != ":" }
        let rest = ["id", "sha256", "group", "created"].filter { $0 != name }.map { "\"\($0)\":\(members[$0] ?? "")" }
        let value = change.drop { $0 != ":" }
        return "{\"keys\":[{\((rest + (value.isEmpty ? [] : ["\"\(name)\"\(value)"])).joined(separator: ","))}]}"
    }

    @Test func `a file survives being written and read`() throws {
        let fake = FakeDigests()
        var file = APIKeyFile()
        for index in UInt8(0)..<3 {
            let (key, token) = APIKey.make(
                idBytes: [index, 2, 3, 4, 5], secretBytes: [UInt8](repeating: index, count: 20), group: "g", created: 100,
                expires: index == 1 ? 1_800_000_000 : nil, functions: fake.functions)
            #expect(token.utf8.count == 45)
            let isAdded = file.add(key)
            let isAddedTwice = file.add(key)
            #expect(isAdded && !isAddedTwice)
        }
        let id = file.keys[2].id
        let isRevoked = file.revoke(id: id, at: 200)
        let isRevokedAgain = file.revoke(id: id, at: 300)
        let isUnknown = file.revoke(id: "none", at: 300)
        #expect(isRevoked && isRevokedAgain && !isUnknown)
        let (read, findings) = APIKeyFile.parse(file.serialized)
        #expect(findings.isEmpty)
        let keys = try #require(read).keys
        #expect(keys.map(\.id) == file.keys.map(\.id))
        #expect(keys.map(\.digest.hex) == file.keys.map(\.digest.hex))
        #expect(keys.map(\.expires) == [nil, 1_800_000_000, nil])
        #expect(keys.map(\.revoked) == [nil, nil, 200])
        #expect(keys.map(\.created) == [100, 100, 100])
    }

    @Test func `a made token is verified by its key`() throws {
        let fake = FakeDigests()
        let (key, token) = APIKey.make(
            idBytes: [1, 2, 3, 4, 5], secretBytes: Array(0..<20), group: "g", created: 0, expires: nil, functions: fake.functions)
        #expect(token == "msk_\(key.id)_" + token.suffix(32))
        let bytes = [UInt8]("Bearer \(token)".utf8)
        let verifier = CredentialVerifier(keys: [key], tokens: [], functions: fake.functions)
        let result = verifier.verify(bytes.span, authorization: ByteRange(0, bytes.count), at: 0)
        #expect(result == .granted(Principal(name: key.id, group: "g")))
    }

    @Test(arguments: [
        ("id:\"\"", "auth.keys.keys[0].id: must be 1 to 64 characters of A-Z a-z 0-9 -"),
        ("id:\"a_b\"", "auth.keys.keys[0].id: must be 1 to 64"),
        ("id", "auth.keys.keys[0].id: must be 1 to 64"),
        ("sha256:\"00\"", "auth.keys.keys[0].sha256: must be the 64 hexadecimal digits"),
        ("group:7", "auth.keys.keys[0].group: must be 1 to 64"),
        ("created:\"yesterday\"", "auth.keys.keys[0].created: must be a time in UTC"),
        ("created", "auth.keys.keys[0].created: is missing"), ("expires:1", "auth.keys.keys[0].expires: must be a time in UTC"),
        ("revoked:true", "auth.keys.keys[0].revoked: must be a time in UTC"),
        ("revokd:true", "auth.keys.keys[0].revokd: unknown key; did you mean revoked?"),
    ])
    func `a wrong key is named`(change: String, error: String) {
        #expect(Self.errors(Self.key(change)).contains { $0.hasPrefix(error) }, "\(Self.errors(Self.key(change)))")
    }

    @Test(arguments: [
        ("", "auth.keys: line 1"), ("[]", "auth.keys: must be an object with a list called keys"),
        ("{}", "auth.keys: must be an object"),
        (#"{"keys":[1]}"#, "auth.keys.keys[0]: must be an object"),
        (#"{"keys":[],"version":1}"#, "auth.keys.version: unknown key"),
    ])
    func `a wrong file is named`(text: String, error: String) {
        #expect(Self.errors(text).first?.hasPrefix(error) ?? false, "\(Self.errors(text))")
    }

    @Test func `an id is there once`() {
        let key = #"{"id":"a","sha256":"\#(Self.digest)","group":"g","created":"2026-11-20T10:00:00Z"}"#
        #expect(Self.errors("{\"keys\":[\(key),\(key)]}") == ["auth.keys.keys[1].id: is there twice"])
        #expect(Self.errors("{\"keys\":[\(key)]} // fine") == [])
    }

    @Test func `an empty file is a file`() throws {
        let file = try #require(APIKeyFile.parse(APIKeyFile().serialized).file)
        #expect(file.keys.isEmpty)
    }
}

@Suite struct CalendarTimeTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T23:59:59Z", 951_868_799), ("2026-11-20T10:00:00Z", 1_795_168_800),
            ("1969-12-31T23:59:59Z", -1), ("9999-12-31T23:59:59Z", 253_402_300_799), ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("1968-12-31T00:00:00Z", -31_622_400), ("0001-01-01T00:00:00Z", -62_135_596_800),
        ] as [(String, Int64)])
    func `times are read and written`(text: String, seconds: Int64) {
        #expect(CalendarTime.parse(text) == seconds)
        #expect(CalendarTime.text(seconds) == text)
    }

    @Test(arguments: [
        "", "2026-11-20", "2026-11-20T10:00:00", "2026-11-20t10:00:00Z", "2026-11-20T10:00:00+00:00", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z", "+026-01-01T00:00:00Z", "2026-01-01T00:00:00.0Z", "1900-02-29T00:00:00Z",
    ])
    func `anything else is no time`(text: String) {
        #expect(CalendarTime.parse(text) == nil)
    }
}

@Suite struct SourcePenaltiesTests {
    private static let start = Instant(nanoseconds: 9_000_000_000)

    private static func table(sources: Int = 100) -> SourcePenalties<Int> {
        SourcePenalties(
            limits: PenaltyLimits(perFailure: .seconds(5), enforcedFrom: .seconds(15), max: .minutes(10), sourcesMax: sources))
    }

    @Test func `the third failure in a row closes the door until all is paid`() {
        var table = Self.table()
        for _ in 0..<2 {
            table.failed(1, at: Self.start)
            #expect(table.refusal(of: 1, at: Self.start) == nil)
        }
        table.failed(1, at: Self.start)
        #expect(table.refusal(of: 1, at: Self.start) == .seconds(15))
        #expect(table.refusal(of: 1, at: Self.start + .seconds(14)) == .seconds(1))
        #expect(table.refusal(of: 1, at: Self.start + .seconds(15)) == nil)
        #expect(table.refusal(of: 2, at: Self.start) == nil)
    }

    @Test func `single mistakes cost nothing`() {
        var table = Self.table()
        for step in 0..<100 {
            let now = Self.start + .seconds(5) * Int64(step)
            table.failed(1, at: now)
            #expect(table.refusal(of: 1, at: now) == nil)
        }
    }

    @Test func `failures go on counting while the door is closed, up to 10 minutes`() {
        var table = Self.table()
        for _ in 0..<1_000 { table.failed(1, at: Self.start) }
        #expect(table.refusal(of: 1, at: Self.start) == .minutes(10))
        table.failed(1, at: Self.start + .minutes(9))
        #expect(table.refusal(of: 1, at: Self.start + .minutes(9)) == .seconds(65))
    }

    @Test func `a source that has paid starts from nothing`() {
        var table = Self.table()
        for _ in 0..<3 { table.failed(1, at: Self.start) }
        table.failed(1, at: Self.start + .seconds(15))
        #expect(table.refusal(of: 1, at: Self.start + .seconds(15)) == nil)
        #expect(table.count == 1)
    }

    @Test func `a flood of sources drives out the mildest, not the worst`() {
        var table = Self.table(sources: 100)
        for _ in 0..<50 { table.failed(-1, at: Self.start) }
        for source in 0..<10_000 {
            table.failed(source, at: Self.start + .milliseconds(1))
            #expect(table.count <= 100)
        }
        #expect(table.refusal(of: -1, at: Self.start + .milliseconds(1)) != nil)
    }

    @Test func `what is paid is forgotten`() {
        var table = Self.table()
        for source in 0..<50 { table.failed(source, at: Self.start) }
        table.failed(99, at: Self.start + .seconds(6))
        #expect(table.count == 1)
    }
}
