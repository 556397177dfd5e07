//! The gateway's behaviour as dialogues in virtual time, one file for each thing shown.

#[path = "../common/mod.rs"]
pub(crate) mod common;

mod access;
mod backlog;
mod case_01_pingreq_from_a_new_port;
mod case_02_a_sleepers_port_is_reused;
mod case_03_a_connected_clients_pingreq_from_another_port;
mod case_04_puback_invalid_topic_id;
mod case_05_a_resumed_session_registers_again;
mod case_06_messages_during_a_register_exchange;
mod case_07_connect_again;
mod case_08_in_the_middle_of_the_will_dialogue;
mod case_10_sleep;
mod case_11_a_will_update_takes_effect;
mod case_14_payloads_and_length_forms;
mod case_15_one_lost_datagram_anywhere;
mod discovery;
mod disk_full;
mod endings;
mod forwarder;
mod inspect;
mod keep_alive;
mod late_copies;
mod limits;
mod loss;
mod negative_vectors;
mod nodes;
mod noise;
mod pacing;
mod pick_me_up;
mod predefined_ids;
mod qos_minus_one;
mod queue_rules;
mod retransmission;
mod shutdown;
mod state_table;
mod store;
mod subscriptions;
mod sys;
