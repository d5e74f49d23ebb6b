import Base

extension Limits {
    init(_ settings: Settings) {
        self.init(
            connections: settings.integer("limits.connections"),
            areConnectionsConfigured: settings.isSet("limits.connections"),
            connectionsPerSource: settings.integer("limits.connectionsPerSource"),
            newcomers: NewcomerLimits(
                start: settings.integer("limits.unauthenticated"), dropPercent: settings.integer("limits.unauthenticatedDrop"),
                full: settings.integer("limits.unauthenticatedMax")),
            requestsPerConnection: settings.integer("limits.requestsPerConnection"),
            connectionAge: settings.duration("limits.connectionAge"),
            idleTimeout: settings.duration("limits.idleTimeout"),
            headerTimeout: settings.duration("limits.headerTimeout"),
            bodyIdleTimeout: settings.duration("limits.bodyIdleTimeout"),
            bodyTimeout: settings.duration("limits.bodyTimeout"),
            bodyRateMin: settings.integer("limits.bodyRate"),
            bodyRateGrace: settings.duration("limits.bodyRateGrace"),
            writeTimeout: settings.duration("limits.writeTimeout"),
            requestLineBytesMax: settings.integer("limits.requestLine"),
            fieldBytesMax: settings.integer("limits.field"),
            headBytesMax: settings.integer("limits.head"),
            fieldsMax: settings.integer("limits.fields"),
            chunkExtensionBytesMax: settings.integer("limits.chunkExtension"),
            trailerBytesMax: settings.integer("limits.trailers"),
            bodyBytesMax: settings.integer("limits.body"),
            clientJSON: JSONBounds(settings, "limits.json"),
            workerJSON: JSONBounds(settings, "limits.workerJson"),
            sessions: settings.integer("limits.sessions"),
            sessionIdle: settings.duration("limits.sessionIdle"),
            sessionAge: settings.duration("limits.sessionAge"),
            streamsPerSession: settings.integer("limits.streamsPerSession"),
            callsPerSession: settings.integer("limits.callsPerSession"),
            subscriptionsPerSession: settings.integer("limits.subscriptionsPerSession"),
            subscriptionsPerServer: settings.integer("limits.subscriptionsPerServer"),
            streamBytesMax: settings.integer("limits.streamQueue"),
            streamAge: settings.duration("limits.streamAge"),
            keepAlive: settings.duration("limits.keepAlive"),
            eventAge: settings.duration("limits.eventAge"),
            events: settings.integer("limits.eventCount"),
            eventBytesMax: settings.integer("limits.eventBytes"),
            eventBytesTotal: settings.integer("limits.eventBytesTotal"),
            inputTimeout: settings.duration("limits.inputTimeout"),
            parkedCalls: settings.integer("limits.parkedCalls"),
            calls: settings.integer("limits.calls"),
            lineBytesMax: settings.integer("limits.message"),
            stderrLineBytesMax: settings.integer("limits.stderrLine"),
            stderrRateMax: settings.integer("limits.stderrRate"))
    }
}

extension JSONBounds {
    init(_ settings: Settings, _ prefix: String) {
        self.init(
            depthMax: settings.integer("\(prefix).depth"), nodesMax: settings.integer("\(prefix).nodes"),
            stringBytesMax: settings.integer("\(prefix).string"), numberBytesMax: settings.integer("\(prefix).number"),
            membersMax: settings.integer("\(prefix).members"))
    }
}

extension DrainSettings {
    init(_ settings: Settings) {
        self.init(
            deadline: settings.duration("drain.deadline"), hurriedDeadline: settings.duration("drain.hurried"),
            workerGrace: settings.duration("drain.workerGrace"))
    }
}

extension RestartLimits {
    init(_ settings: Settings) {
        self.init(
            deathsMax: settings.integer("restart.deaths"), window: settings.duration("restart.window"),
            delayMin: settings.duration("restart.delayMin"), delayMax: settings.duration("restart.delayMax"),
            stable: settings.duration("restart.stable"), settled: settings.duration("restart.settled"),
            openMin: settings.duration("restart.open"), openMax: settings.duration("restart.openMax"))
    }
}

extension SpawnLimits {
    init(_ settings: Settings) {
        self.init(
            perSecond: settings.integer("restart.spawnsPerSecond"), burst: settings.integer("restart.spawnBurst"))
    }
}
