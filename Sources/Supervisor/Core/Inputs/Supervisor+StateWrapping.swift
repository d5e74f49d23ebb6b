import Base
import MCP
import Wire

/// Answers by which a worker sends a modern client away to come back: its state is wrapped in one of ours, so that it comes back from
/// the same client, with the same request, to the same server.
extension Supervisor {
    /// Appends `,"result":…}` or `,"error":…}` when the answer is one; false when it is not, and nothing is appended.
    mutating func appendInputRequired(
        _ call: Call, _ inputs: InputState?, _ connection: ConnectionKey, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>,
        _ status: inout Int, to body: inout [UInt8]
    ) -> Bool {
        guard call.revision.era == .modern else { return self.appendURLRefusal(call, envelope, message, to: &body) }
        let wrapped: InputRequired
        let kind: RequestState.Kind
        switch self.servers[call.server].era {
        case .modern:
            guard envelope.kind == .result, InputRequired.isOne(self.workerScanner.members, in: message) else { return false }
            let required: InputRequired
            do throws(InputRequiredRefusal) {
                required = try InputRequired(self.workerScanner.members, in: message)
            } catch {
                // Passed on as it is, it would ask for what the client has not declared, and bring a state that is not taken back.
                body.append(#","error":{"code":-32603,"message":"#)
                body.appendJSON(string: "the server's request for input is not valid: \(error.reason)")
                body.append("}}")
                return true
            }
            wrapped = required
            kind = .wrapped(required.requestState)
        case .legacy:
            // 2025-11-25: URLs to open before the call is tried again.
            guard let required = self.urlElicitation(envelope, message) else { return false }
            wrapped = required
            kind = .retry
        }
        self.appendRequired(call, inputs, connection, wrapped, kind, &status, to: &body)
        return true
    }

    /// Error -32042 for a legacy client of a revision that does not know it: a text that a model can read.
    private func appendURLRefusal(
        _ call: Call, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, to body: inout [UInt8]
    ) -> Bool {
        guard call.revision < .v2025_11_25, let required = self.urlElicitation(envelope, message) else { return false }
        let rewrite = AnswerRewrite(
            from: .legacy, revision: call.revision, method: call.method, resource: call.resource, serverInfo: [], cursorTag: [])
        rewrite.appendInputRefusal(required, because: InputImpossible.missing(required.needs).reason, to: &body)
        return true
    }

    private func urlElicitation(_ envelope: JSONRPCEnvelope, _ message: Span<UInt8>) -> InputRequired? {
        guard let error = envelope.error else { return nil }
        var members = JSONMembers()
        var scanner = JSONScanner(limits: .alreadyValidated)
        guard (try? scanner.scanObject(message, at: error, into: &members)) != nil,
            let code = members.value("code", in: message),
            JSONNumber.int64(message, code) == ErrorCode.urlElicitationRequired.rawValue
        else { return nil }
        return InputRequired(urlElicitationData: members.value("data", in: message), in: message)
    }

    private mutating func appendRequired(
        _ call: Call, _ inputs: InputState?, _ connection: ConnectionKey, _ required: InputRequired, _ kind: RequestState.Kind,
        _ status: inout Int, to body: inout [UInt8]
    ) {
        var state: [UInt8]?
        if kind != .wrapped(nil) {
            let random = self.unguessable.next()
            let id = RequestState.CallID(high: random.high, low: random.low)
            guard let binding = self.binding(call, inputs, connection),
                let sealed = self.sealedState(binding, id, round: 1, server: call.server, kind)
            else {
                return body.append(#","error":{"code":-32603,"message":"the server's request for input cannot be passed on"}}"#)
            }
            state = sealed
        }
        let start = body.count
        body.append(#","result":"#)
        let serverInfo = self.servers[call.server].identity?.serverInfo ?? []
        do throws(InputImpossible) {
            try InputRequired(questions: required.questions, requestState: state).appendResult(
                for: call.capabilities, serverInfo: serverInfo.span, to: &body)
            body.append(0x7D)
        } catch {
            body.removeLast(body.count - start)
            status = 400
            body.append(#","error":{"code":"#)
            body.append(decimal: ErrorCode.missingClientCapability.rawValue)
            body.append(#","message":"#)
            body.appendJSON(string: error.reason)
            body.append(#","data":"#)
            required.needs.subtracting(call.capabilities).appendMissingData(to: &body)
            body.append("}}")
        }
    }
}
