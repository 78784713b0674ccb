Feature: what terraform-compliance must see of the plan that makes the estate

  Scenario: planned values
    Given I have terraform_data defined
    Then it must have input

  Scenario: values inside values
    Given I have terraform_data defined
    When its name is updated
    Then it must have input
    And it must have tags
    And its value must contain b

  Scenario: variables of the configuration
    Given I have stage variable configured
    Then it must have default

  Scenario: a provider of the configuration
    Given I have terraform provider configured

  Scenario: what is not there is not seen
    Given I have aws_instance defined
    Then it must not have input
