import Base
import MCP

/// What a legacy worker is told when nobody answers what it asked.
enum InputOutcome: Equatable {
    /// The client has never come back, or has cancelled the call.
    case abandoned
    /// The client has not declared that it can be asked this.
    case unsupported
    /// Nobody can tell which client the question is for, and it must not be shown to the wrong one.
    case unattributable

    /// Appends `"result":{…}` or `"error":{…}`, the member that follows the id of the response.
    func append(for request: InputRequest, to output: inout [UInt8]) {
        switch (self, request.kind) {
        case (.abandoned, .elicitationForm), (.abandoned, .elicitationURL): output.append(#""result":{"action":"cancel"}"#)
        case (.abandoned, .sampling): output.append(#""error":{"code":-1,"message":"User rejected sampling request"}"#)
        case (.abandoned, .roots): output.append(#""error":{"code":-32603,"message":"the client has gone"}"#)
        case (.unsupported, .elicitationForm), (.unsupported, .elicitationURL):
            output.append(#""error":{"code":-32602,"message":"the client does not support this elicitation mode"}"#)
        case (.unsupported, .sampling), (.unsupported, .roots):
            output.append(#""error":{"code":-32601,"message":"the client does not support this request"}"#)
        case (.unattributable, _): output.append(#""error":{"code":-32603,"message":"cannot attribute the request to a call"}"#)
        }
    }
}
