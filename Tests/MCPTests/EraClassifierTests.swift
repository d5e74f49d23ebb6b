import Base
import MCP
import Testing

@Suite struct EraClassifierTests {
    typealias Row = (EraClassifier.Body, EraClassifier.Header, EraClassifier.Verdict)

    @Test(
        arguments: [
            (.response, .absent, .legacy),
            (.response, .revision(.v2025_11_25), .legacy),
            (.response, .revision(.v2026_07_28), .refused(.modernResponse)),
            (.response, .unknown, .refused(.modernResponse)),
            (.request(.initialize, claimsModern: false), .absent, .legacy),
            (.request(.initialize, claimsModern: false), .revision(.v2025_06_18), .legacy),
            (.request(.initialize, claimsModern: false), .unknown, .legacy),
            (.request(.initialize, claimsModern: false), .revision(.v2026_07_28), .refused(.handshakeUnderModernHeader)),
            (.request(.initialize, claimsModern: true), .revision(.v2026_07_28), .modern),
            (.request(.toolsCall, claimsModern: true), .absent, .modern),
            (.request(.toolsCall, claimsModern: true), .revision(.v2025_11_25), .modern),
            (.request(.toolsCall, claimsModern: true), .revision(.v2026_07_28), .modern),
            (.request(.toolsCall, claimsModern: true), .unknown, .modern),
            (.request(.toolsCall, claimsModern: false), .absent, .legacy),
            (.request(.toolsCall, claimsModern: false), .revision(.v2024_11_05), .legacy),
            (.request(.toolsCall, claimsModern: false), .revision(.v2026_07_28), .refused(.envelopeMissing)),
            (.request(.toolsCall, claimsModern: false), .unknown, .refused(.envelopeMissing)),
            (.notification(.notificationsCancelled, claimsModern: true), .absent, .modern),
            (.notification(.notificationsCancelled, claimsModern: false), .revision(.v2026_07_28), .modern),
            (.notification(.notificationsCancelled, claimsModern: false), .unknown, .modern),
            (.notification(.notificationsInitialized, claimsModern: false), .revision(.v2025_03_26), .legacy),
            (.notification(.notificationsInitialized, claimsModern: false), .absent, .legacy),
        ] as [Row])
    func `the body decides and the header cross-checks`(
        body: EraClassifier.Body, header: EraClassifier.Header, verdict: EraClassifier.Verdict
    ) {
        #expect(EraClassifier.classify(body, header: header) == verdict)
    }

    @Test(arguments: [
        (EraClassifier.Refusal.modernResponse, ErrorCode.invalidRequest),
        (.handshakeUnderModernHeader, .headerMismatch), (.envelopeMissing, .invalidParams),
    ])
    func `each refusal has its code`(refusal: EraClassifier.Refusal, code: ErrorCode) {
        #expect(refusal.code == code)
        #expect(refusal.code.httpStatusInModern(isEnvelope: true) == 400)
    }

    @Test func `the refusal of a missing envelope names the keys`() {
        let reason = EraClassifier.Refusal.envelopeMissing.reason.description
        #expect(reason.contains("io.modelcontextprotocol/protocolVersion"))
        #expect(reason.contains("io.modelcontextprotocol/clientCapabilities"))
    }

    @Test(arguments: [
        ("2026-07-28", EraClassifier.Header.revision(.v2026_07_28)), ("2025-03-26", .revision(.v2025_03_26)),
        ("v999.0.0", .unknown),
        ("", .unknown),
    ])
    func `an unknown header value is not an absent one`(value: String, header: EraClassifier.Header) {
        let bytes = [UInt8](value.utf8)
        #expect(EraClassifier.Header(bytes.span, ByteRange(0, bytes.count)) == header)
        #expect(EraClassifier.Header(bytes.span, nil) == .absent)
    }
}
