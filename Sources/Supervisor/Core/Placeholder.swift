enum SupervisorCorePlaceholder {}
