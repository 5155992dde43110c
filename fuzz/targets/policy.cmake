sallyport_fuzz(NAME policy_config DEPS config)
sallyport_fuzz(NAME policy_settings_text DEPS config)
sallyport_fuzz(NAME policy_file DEPS config)
