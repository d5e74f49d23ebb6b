/// Why a request cannot be served. The framing of what follows is unknown or not wanted, so the connection closes after the
/// answer.
public enum HTTPRefusal: Error, Equatable, Hashable, Sendable, CaseIterable {
    // Lines (RFC 9112 2.2)
    case controlByte
    case bareLineFeed
    case bareCarriageReturn
    // Request line (RFC 9112 3)
    case requestLineTooLong
    case malformedRequestLine
    case malformedMethod
    case unknownMethod
    case forbiddenMethod
    case malformedVersion
    case unsupportedVersion
    case malformedTarget
    case foreignTarget
    // Fields (RFC 9112 5, RFC 9110 5)
    case fieldTooLong
    case headTooLong
    case tooManyFields
    case foldedField
    case malformedFieldName
    case malformedFieldValue
    case repeatedField
    case missingHost
    case malformedHost
    case malformedConnection
    case unknownExpectation
    case encodedContent
    // Body framing (RFC 9112 6 and 7)
    case lengthAndTransferEncoding
    case malformedContentLength
    case unknownTransferEncoding
    case transferEncodingBeforeHTTP11
    case bodyTooLarge
    case malformedChunkSize
    case malformedChunkExtension
    case chunkExtensionTooLong
    case unterminatedChunk
    case chunkFramingTooLong
    case trailerTooLong

    /// The status code of the answer.
    public var status: Int {
        switch self {
        case .requestLineTooLong: 414
        case .fieldTooLong, .headTooLong, .tooManyFields, .trailerTooLong: 431
        case .bodyTooLarge, .chunkFramingTooLong: 413
        case .encodedContent: 415
        case .unknownExpectation: 417
        case .forbiddenMethod: 405
        case .unknownMethod: 501
        case .unsupportedVersion: 505
        case .controlByte, .bareLineFeed, .bareCarriageReturn, .malformedRequestLine, .malformedMethod, .malformedVersion,
            .malformedTarget, .foreignTarget, .foldedField, .malformedFieldName, .malformedFieldValue, .repeatedField,
            .missingHost,
            .malformedHost, .malformedConnection, .lengthAndTransferEncoding, .malformedContentLength, .unknownTransferEncoding,
            .transferEncodingBeforeHTTP11, .malformedChunkSize, .malformedChunkExtension, .chunkExtensionTooLong,
            .unterminatedChunk:
            400
        }
    }

    /// What was wrong, for the body of the answer. Holds nothing that the client sent.
    public var reason: StaticString {
        switch self {
        case .controlByte: "a line holds a control byte"
        case .bareLineFeed: "a line ends in LF without CR"
        case .bareCarriageReturn: "CR without LF"
        case .requestLineTooLong: "the request line is too long"
        case .malformedRequestLine: "the request line is not method, target and version with one space between them"
        case .malformedMethod: "the method is not a token"
        case .unknownMethod: "the method is not known"
        case .forbiddenMethod: "CONNECT and TRACE are not served"
        case .malformedVersion: "the version is not HTTP/digit.digit"
        case .unsupportedVersion: "only HTTP/1.1 and HTTP/1.0 are served"
        case .malformedTarget: "the request target is malformed"
        case .foreignTarget: "the request target names another authority than Host"
        case .fieldTooLong: "a header field is too long"
        case .headTooLong: "the header section is too long"
        case .tooManyFields: "there are too many header fields"
        case .foldedField: "a header field is folded over two lines"
        case .malformedFieldName: "a header field name is not a token directly followed by a colon"
        case .malformedFieldValue: "a header field value holds a byte that is not allowed there"
        case .repeatedField: "a header field that may occur once is repeated"
        case .missingHost: "the Host field is missing"
        case .malformedHost: "the Host field is malformed"
        case .malformedConnection: "the Connection field is malformed"
        case .unknownExpectation: "the expectation is not 100-continue"
        case .encodedContent: "content codings are not accepted"
        case .lengthAndTransferEncoding: "both Content-Length and Transfer-Encoding are present"
        case .malformedContentLength: "Content-Length is malformed"
        case .unknownTransferEncoding: "the transfer coding is not exactly chunked"
        case .transferEncodingBeforeHTTP11: "Transfer-Encoding needs HTTP/1.1"
        case .bodyTooLarge: "the body is too large"
        case .malformedChunkSize: "a chunk size is malformed"
        case .malformedChunkExtension: "a chunk extension is malformed"
        case .chunkExtensionTooLong: "the chunk extensions are too long"
        case .unterminatedChunk: "a chunk does not end in CRLF"
        case .chunkFramingTooLong: "the chunks are too small for the body they carry"
        case .trailerTooLong: "the trailer section is too long"
        }
    }
}
